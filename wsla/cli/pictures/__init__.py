"""Pictures of judged history: the windows of each goal with the goal's line, what was missed, and what it cost."""
