"""Label Studio: people answer there, and what they say comes back."""

from __future__ import annotations

from annotation.label_studio._folder import Login
from annotation.label_studio.accounts import add_annotator, invitation
from annotation.label_studio.client import Client, connect
from annotation.label_studio.credentials import Credentials, read_credentials, server_folder
from annotation.label_studio.server import Server, find_server, start_server, stop_server

__all__ = [
    "Client",
    "Credentials",
    "Login",
    "Server",
    "add_annotator",
    "connect",
    "find_server",
    "invitation",
    "read_credentials",
    "server_folder",
    "start_server",
    "stop_server",
]
