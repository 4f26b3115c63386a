"""THE PAGE: what people look at, as frozen values without a tag in them; one part of the page a file, all of it pure.

Everything is made from the document of a run, so that a run from before a restart, or of another instance, looks alike.
"""
