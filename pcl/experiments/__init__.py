"""Many experiments that share θ: one loss, wherever its parts are computed."""
