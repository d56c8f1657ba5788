"""Where records come from: files, archives, memory and Event Hubs."""
