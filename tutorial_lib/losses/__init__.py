"""The equations of the paper, one file a topic."""
