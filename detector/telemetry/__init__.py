"""Every metric and log line, as facts in the past tense; nothing else names a metric."""
