"""Custom actions of the demo bot, written with rasa-sdk exactly as for Rasa."""
