"""The incident report: one page that explains itself, Markdown, and tables that are safe to open."""
