"""What keeps the site from being built."""


class SiteError(Exception):
    """The site cannot be built of what there is: says which file, and what to do."""
