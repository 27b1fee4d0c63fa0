"""Videos, Sintel and .flo files, rendered scenes, styles, training clips."""
