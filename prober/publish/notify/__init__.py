"""TELL PEOPLE. Notices of alerts, handed to the services that apprise knows: once each, also after a restart."""
