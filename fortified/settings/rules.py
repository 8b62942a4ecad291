"""What a discovered rule must show before it trades, and when it is told that it does worse. Each with its reason."""

from fortified.settings.environment import choice, env, integer, number

# Validation, on days that the search did not see. A month of sessions holds every weekday and the turn of a month;
# below 30 trades the mean of a heavy-tailed P&L says little.
RULE_LEAST_DAYS = integer("RULE_LEAST_DAYS", 20, minimum=5)
RULE_LEAST_TRADES = integer("RULE_LEAST_TRADES", 30, minimum=10)
# In parts, so that one lucky stretch does not carry the whole: three of four must earn (31 % of coins do).
RULE_PARTS = integer("RULE_PARTS", 4, minimum=1)
RULE_EARNING_PARTS = integer("RULE_EARNING_PARTS", 3, minimum=1)
# That a worthless rule does as well, corrected for all rules that were found beside it and for every attempt.
RULE_P = number("RULE_P", 0.05, minimum=0.0)

# The campaign must make the trades that the search made. A few differ, as its days warm up anew.
RULE_SAME_TRADES = number("RULE_SAME_TRADES", 0.9, minimum=0.0)
RULE_WARMUP_DAYS = integer("RULE_WARMUP_DAYS", 5, minimum=0)

# Health, of a rule that trades. Below 20 trades nothing is said; it is looked at every day, so only a probability below
# 1 in 100 is an alarm, and only one above 1 in 10 ends it.
RULE_HEALTH_TRADES = integer("RULE_HEALTH_TRADES", 20, minimum=5)
RULE_HEALTH_ILL = number("RULE_HEALTH_ILL", 0.01, minimum=0.0)
RULE_HEALTH_WELL = number("RULE_HEALTH_WELL", 0.1, minimum=0.0)
# A degraded rule is demoted by the product itself; else a person decides.
RULE_AUTO_DEMOTE = env.bool("RULE_AUTO_DEMOTE", default=False)
# What becomes of its position then: its exits carry on, or it is closed.
RULE_DEMOTE_POSITION = choice("RULE_DEMOTE_POSITION", "exits", ("exits", "flatten"))
