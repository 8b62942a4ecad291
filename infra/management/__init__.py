"""Management commands that concern the whole product."""
