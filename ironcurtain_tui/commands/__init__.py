"""What each command of the command line does. ``cli.py`` reads the words; heavy imports wait until here."""
