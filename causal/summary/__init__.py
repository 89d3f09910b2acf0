"""Published trials of facilitation: read from a specification that holds their printed numbers."""
