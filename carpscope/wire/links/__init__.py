"""One file a link type: `LINK_TYPE`, found by its folder."""
