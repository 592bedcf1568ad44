"""Label Studio: people answer there, and what they say comes back."""

from __future__ import annotations

from annotation.label_studio._folder import Login
from annotation.label_studio._reading import Contradictory, Left
from annotation.label_studio.accounts import add_annotator, invitation
from annotation.label_studio.client import Client, connect
from annotation.label_studio.credentials import (
    Credentials,
    read_credentials,
    server_folder,
    stored_credentials,
    write_credentials,
)
from annotation.label_studio.environment import SERVER_VERSION, install_server
from annotation.label_studio.projects import Project, Purpose, noted_projects
from annotation.label_studio.pull import (
    FailedProject,
    Pulled,
    PulledProject,
    pull,
)
from annotation.label_studio.push import Pushed, PushedProject, Question, assign, push
from annotation.label_studio.server import Server, find_server, start_server, stop_server
from annotation.label_studio.webhook import serve_webhook, subscribe
from annotation.label_studio.withdraw import Withdrawn, withdraw

__all__ = [
    "SERVER_VERSION",
    "Client",
    "Contradictory",
    "Credentials",
    "FailedProject",
    "Left",
    "Login",
    "Project",
    "Pulled",
    "PulledProject",
    "Purpose",
    "Pushed",
    "PushedProject",
    "Question",
    "Server",
    "Withdrawn",
    "add_annotator",
    "assign",
    "connect",
    "find_server",
    "install_server",
    "invitation",
    "noted_projects",
    "pull",
    "push",
    "read_credentials",
    "serve_webhook",
    "server_folder",
    "start_server",
    "stop_server",
    "stored_credentials",
    "subscribe",
    "withdraw",
    "write_credentials",
]
