"""What a study varies: ranges, samples, lists that go together, and the points that they make."""
