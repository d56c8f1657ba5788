"""Events, keys, signals, findings and alerts: the words the other rooms speak. Pure."""
