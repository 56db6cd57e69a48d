"""The screen: a Textual app that shows a session. Knows the events and the control client, nothing behind them."""
