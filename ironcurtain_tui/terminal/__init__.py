"""The agent's terminal: its byte stream, the emulator that turns bytes into rows, and the way back for keys.

Bytes the agent chose are parsed by native code in one place only, the confined screen process
(screen_process.py). The supervisor talks to it through emulator.py and never imports a core.
"""
