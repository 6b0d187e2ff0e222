"""Owning against renting: the same run under dated books, and when and at what use one is cheaper."""
