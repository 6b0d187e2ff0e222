"""What a graph is made of: alike vertices, the blocks that repeat, the domains of its nodes, and what is lost."""
