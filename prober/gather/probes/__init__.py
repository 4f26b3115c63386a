"""One file per kind of look. A probe looks, it does not judge: whether a 401 is good is the expectation's business."""
