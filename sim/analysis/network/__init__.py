"""Published numbers of networks beside what the cluster floor predicts, one file a source."""
