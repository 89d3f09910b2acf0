"""Generated choices among kinds of groups and how often to go, whose true effects are known."""
