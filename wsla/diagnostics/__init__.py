"""Source text, spans, diagnostics and how they are shown."""
