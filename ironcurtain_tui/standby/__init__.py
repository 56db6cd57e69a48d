"""The spare: a supervisor with everything loaded that waits for the next `run` or `task`, so that this starts at once.

A session that a person looks at, or that was one itself, leaves one behind (``sessions/spare.py``). It waits on a
socket (``commands/standby.py``); a command calls it there before it imports anything (``call.py``). It takes the call
only from a process that is its like in all that matters (``kin.py``), and only when nothing has to be asked or built;
everything else starts as if there were none.
"""
