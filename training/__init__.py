"""Makes the reading model of the embedded grader. Needs the dependency group `training`; nothing here is used at run time."""
