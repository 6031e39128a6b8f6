"""One step of training and its parts: loss, mixing, optimizer, schedule, averaging, teacher."""
