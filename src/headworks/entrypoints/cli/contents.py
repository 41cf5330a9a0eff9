"""Every command of `headworks` and where it is: what `--help` shows, without loading any of them.

`loading` loads the one that is asked for. A test holds each summary to the first sentence of its command's own help.
"""

from dataclasses import dataclass
from typing import Final

PROGRAM: Final = "headworks"


@dataclass(frozen=True, slots=True)
class Entry:
    """A command, or a noun with commands of its own."""

    name: str
    place: str
    """`module:attribute` in this package: a function, or a `Typer`."""
    summary: str
    takes_all: bool = False
    """Whether every argument is the command's own, `--help` included."""


CONTENTS: Final = (
    Entry("up", "up:up", "Start a server; print what it found and what to do next."),
    Entry("run", "run:run", "Start one part of an installation that has many processes."),
    Entry("login", "login:login", "Sign in; later commands act as you."),
    Entry("logout", "login:logout", "End the session, here and on the server."),
    Entry("switch", "login:switch", "Act in another of your organisations from now on."),
    Entry("whoami", "login:whoami", "Show who later commands act as, and what they may do."),
    Entry("password", "login:password", "Change your password."),
    Entry("status", "status:status", "Show whether the server is well, and what it is doing."),
    Entry(
        "leases",
        "leases:leases",
        "List what gateways hold of your organisation's budgets, in US dollars, and until when.",
    ),
    Entry(
        "rerate",
        "rerate:rerate",
        "Rate past usage anew, by today's prices and mark-ups: shows before and after by model, in US dollars.",
    ),
    Entry(
        "migrate-store",
        "migrate_store:migrate_store",
        "Copy an installation into databases on a server, and prove that the copy is one.",
    ),
    Entry("env", "env:env", 'Print variables for SDKs: eval "$(headworks env)".'),
    Entry("doctor", "doctor:doctor", "Say what is wrong with an installation, and how to mend it."),
    Entry(
        "mock-provider",
        "mock_provider:mock_provider",
        "Run an upstream for tests, with faults on demand.",
        takes_all=True,
    ),
    Entry(
        "completion",
        "completion:completion",
        "Print what makes your shell complete commands, options and names with the Tab key.",
    ),
    Entry("version", "version:version", "Print the version of this installation."),
    Entry("second-factor", "second_factor:app", "An authenticator app besides your password."),
    Entry("sessions", "sessions:app", "Sessions: where you are signed in."),
    Entry("providers", "providers:app", "The servers that models live on, hosted or your own."),
    Entry("deployments", "deployments:app", "Deployments: a model at one of your providers."),
    Entry("models", "models:app", "The names that callers use, and what is behind them."),
    Entry("keys", "keys:app", "Keys that callers authenticate with."),
    Entry("orgs", "orgs:app", "Organisations: the tenants of the installation."),
    Entry("projects", "projects:app", "Projects: the parts of an organisation that keys and costs belong to."),
    Entry("members", "members:app", "Members: who belongs to your organisation, as what."),
    Entry("invites", "invites:app", "Invitations: links that let people join your organisation."),
    Entry("directory", "directory:app", "The directory that says who belongs to your organisation (SCIM 2.0)."),
    Entry("service-accounts", "service_accounts:app", "Service accounts: who programs are."),
    Entry("users", "users:app", "Users: everybody in the installation."),
    Entry("sso", "sso:app", "Single sign-on: how your organisation's people sign in by its directory."),
    Entry("usage", "usage:app", "Show who used what, and what it cost."),
    Entry("prices", "prices:app", "What upstream models cost."),
    Entry("mark-ups", "mark_ups:app", "What organisations pay on top of the cost."),
    Entry("limits", "limits:app", "How fast keys, projects, users and models may go."),
    Entry("budgets", "budgets:app", "How much may be spent, and what is left."),
    Entry("ledger", "ledger:app", "Accounts, entries, and the proof that they add up."),
    Entry(
        "gateways",
        "gateways:app",
        "Gateways in other processes: whether they hear of changes, and which of them drain.",
    ),
    Entry("bus", "bus:app", "What travels between processes, and what of it is stuck."),
    Entry("audit", "audit:app", "Who changed what, and whether the record of it is whole."),
    Entry("secrets", "secrets:app", "The keys that stored secrets are sealed with."),
    Entry("db", "db:app", "The tables of each context: how they stand, and migrations."),
    Entry("config", "config:app", "The settings: of headworks.toml, the environment and the command line."),
    Entry("certs", "certs:app", "Certificates by which the processes of an installation know each other."),
)
"""In the order of `--help`."""
