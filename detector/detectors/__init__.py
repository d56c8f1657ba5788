"""One file a detector: a frozen bag of thresholds that judges signals. No memory, no I/O, no clock. Pure."""
