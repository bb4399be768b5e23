"""Where the watcher touches torch: one file per place, each with ``install(watcher, patches)``."""
