"""A batch under way: chunks handed to workers, whatever happens to these, until all are done or told of."""
