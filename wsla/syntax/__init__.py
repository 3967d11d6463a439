"""The only room that sees the parser library: text to surface tree, recovery, comments, the formatter."""
