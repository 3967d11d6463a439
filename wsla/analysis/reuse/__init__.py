"""What several agreements share: imports, templates, and what stands in place of their uses."""
