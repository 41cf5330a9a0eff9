"""Every operation of the management API. Written by `make client` from docs/reference/openapi.json; do not change it by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

from headworks.client.transport import Transport, filled

if TYPE_CHECKING:
    from headworks.client import shapes
    from headworks.client.shapes import Page


class Api:
    """A method for each operation; it returns the answer's `data`, and a whole page of a list."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list_audit_events(self, *, actor_id: str | None = None, action: str | None = None, resource_type: str | None = None, resource_id: str | None = None, request_id: str | None = None, organization_id: str | None = None, from_: str | None = None, to: str | None = None, cursor: str | None = None, per_page: int | None = None) -> Page[shapes.AuditEventOut]:
        """Who changed what, the newest first: in the caller's organisation, or everywhere for an operator."""
        return cast("Page[shapes.AuditEventOut]", self._transport.send("GET", "/audit-events", query={"actor_id": actor_id, "action": action, "resource_type": resource_type, "resource_id": resource_id, "request_id": request_id, "organization_id": organization_id, "from": from_, "to": to, "cursor": cursor, "per_page": per_page}))

    def export_audit_events(self, *, actor_id: str | None = None, action: str | None = None, resource_type: str | None = None, resource_id: str | None = None, request_id: str | None = None, organization_id: str | None = None, from_: str | None = None, to: str | None = None) -> None:
        """The same as JSON lines, all of it, the newest first."""
        self._transport.send("GET", "/audit-events/export", query={"actor_id": actor_id, "action": action, "resource_type": resource_type, "resource_id": resource_id, "request_id": request_id, "organization_id": organization_id, "from": from_, "to": to})

    def verify_audit_trail(self, *, anchor: list[str] | None = None) -> shapes.VerificationOut:
        """Go through every chain from its beginning: is anything changed, missing, out of place, cut off or signed
        by others?  Who can write to the database can put an older state of all of it back. Only an anchor that
        was kept elsewhere shows that.
        """
        return cast("shapes.VerificationOut", self._transport.send("GET", "/audit-events/verify", query={"anchor": anchor})["data"])

    def login(self, body: shapes.LoginBody) -> shapes.GrantedOut:
        """Begin a session. A wrong email and a wrong password answer alike; too many tries have to wait."""
        return cast("shapes.GrantedOut", self._transport.send("POST", "/auth/login", body=body)["data"])

    def logout(self) -> None:
        """End this session; its tokens are worth nothing from here on."""
        self._transport.send("POST", "/auth/logout")

    def change_password(self, body: shapes.PasswordBody) -> None:
        """It asks for the current one, and ends one's other sessions."""
        self._transport.send("POST", "/auth/password", body=body)

    def refresh(self, body: shapes.RefreshBody) -> shapes.GrantedOut:
        """Another access token for a refresh token, which is used up; one that comes twice ends its session."""
        return cast("shapes.GrantedOut", self._transport.send("POST", "/auth/refresh", body=body)["data"])

    def exchange_single_sign_on(self, body: shapes.TokenBody) -> shapes.GrantedOut:
        """A session for the code that came to the loopback address: once, within a minute, for who began it."""
        return cast("shapes.GrantedOut", self._transport.send("POST", "/auth/sso/token", body=body)["data"])

    def switch(self, body: shapes.SwitchBody) -> shapes.GrantedOut:
        """The same session in another of one's organisations. Access tokens for the one before end here."""
        return cast("shapes.GrantedOut", self._transport.send("POST", "/auth/switch", body=body)["data"])

    def show_second_factor(self) -> shapes.SecondFactorOut:
        """When it was confirmed; null where there is none in force."""
        return cast("shapes.SecondFactorOut", self._transport.send("GET", "/auth/totp")["data"])

    def set_up_second_factor(self, body: shapes.ConfirmedBody) -> shapes.SetUpOut:
        """A secret for an authenticator app. Nothing changes until it is confirmed with a code."""
        return cast("shapes.SetUpOut", self._transport.send("POST", "/auth/totp", body=body)["data"])

    def confirm_second_factor(self, body: shapes.CodeBody) -> shapes.RecoveryCodesOut:
        """From now on signing in asks for a code. The recovery codes are shown this once."""
        return cast("shapes.RecoveryCodesOut", self._transport.send("POST", "/auth/totp/confirm", body=body)["data"])

    def renew_recovery_codes(self, body: shapes.ConfirmedBody) -> shapes.RecoveryCodesOut:
        """The old ones stop working."""
        return cast("shapes.RecoveryCodesOut", self._transport.send("POST", "/auth/totp/recovery-codes", body=body)["data"])

    def remove_second_factor(self, body: shapes.ConfirmedBody) -> None:
        """With its recovery codes."""
        self._transport.send("POST", "/auth/totp/remove", body=body)

    def list_budgets(self, *, scope: Literal["organization", "project", "user", "key", "model"] | None = None, scope_id: str | None = None, page: int | None = None, per_page: int | None = None, sort: str | None = None) -> Page[shapes.BudgetOut]:
        """Every budget of the organisation, and how it stands."""
        return cast("Page[shapes.BudgetOut]", self._transport.send("GET", "/budgets", query={"scope": scope, "scope_id": scope_id, "page": page, "per_page": per_page, "sort": sort}))

    def create_budget(self, body: shapes.NewBudgetIn, *, idempotency_key: str | None = None) -> shapes.BudgetOut:
        """Set a budget. It knows what was spent in the running period before it was made."""
        return cast("shapes.BudgetOut", self._transport.send("POST", "/budgets", header={"Idempotency-Key": idempotency_key}, body=body)["data"])

    def show_budget(self, budget_id: str) -> shapes.BudgetOut:
        """One budget, and how it stands."""
        return cast("shapes.BudgetOut", self._transport.send("GET", filled("/budgets/{budget_id}", budget_id))["data"])

    def change_budget(self, budget_id: str, body: shapes.BudgetChangesIn, *, if_match: str | None = None) -> shapes.BudgetOut:
        """Change its name, amount, hardness or thresholds, from now on. Periods that are over stay as they were."""
        return cast("shapes.BudgetOut", self._transport.send("PATCH", filled("/budgets/{budget_id}", budget_id), header={"If-Match": if_match}, body=body)["data"])

    def remove_budget(self, budget_id: str, *, if_match: str | None = None) -> None:
        """Remove it. What it counted stays in the ledger."""
        self._transport.send("DELETE", filled("/budgets/{budget_id}", budget_id), header={"If-Match": if_match})

    def raise_budget(self, budget_id: str, body: shapes.NewRaiseIn, *, idempotency_key: str | None = None) -> shapes.RaiseOut:
        """Authorise more until some time; then it is as before, by itself."""
        return cast("shapes.RaiseOut", self._transport.send("POST", filled("/budgets/{budget_id}/raises", budget_id), header={"Idempotency-Key": idempotency_key}, body=body)["data"])

    def end_raise(self, budget_id: str, raise_id: str, *, if_match: str | None = None) -> None:
        """Take a raise back before its time."""
        self._transport.send("DELETE", filled("/budgets/{budget_id}/raises/{raise_id}", budget_id, raise_id), header={"If-Match": if_match})

    def replay_dead_letters(self, body: shapes.ReplayIn) -> shapes.ReplayedOut:
        """Into the queue that they died in, as they were. What is handled already is not handled twice."""
        return cast("shapes.ReplayedOut", self._transport.send("POST", "/dead-letter-replays", body=body)["data"])

    def list_dead_letters(self, *, queue: str | None = None, limit: int | None = None) -> shapes.DeadLettersOut:
        """What is dead, and how many wait. While it is looked at, others see fewer."""
        return cast("shapes.DeadLettersOut", self._transport.send("GET", "/dead-letters", query={"queue": queue, "limit": limit})["data"])

    def show_dead_letter(self, letter_id: str, *, queue: str | None = None) -> shapes.DeadLetterWithPayloadOut:
        """What it is, and the beginning of its payload. That of usage holds who asked for what and how much of it,
        no prompt and no key.
        """
        return cast("shapes.DeadLetterWithPayloadOut", self._transport.send("GET", filled("/dead-letters/{letter_id}", letter_id, slashes=True), query={"queue": queue})["data"])

    def list_deployments(self, *, provider: str | None = None, owner: Literal["organization", "installation"] | None = None, page: int | None = None, per_page: int | None = None, sort: str | None = None) -> Page[shapes.DeploymentOut]:
        """Every deployment, by upstream model."""
        return cast("Page[shapes.DeploymentOut]", self._transport.send("GET", "/deployments", query={"provider": provider, "owner": owner, "page": page, "per_page": per_page, "sort": sort}))

    def create_deployment(self, body: shapes.NewDeploymentIn, *, owner: Literal["organization", "installation"] | None = None, idempotency_key: str | None = None) -> shapes.DeploymentOut:
        """Make a provider's model callable, as `provider/upstream_model`."""
        return cast("shapes.DeploymentOut", self._transport.send("POST", "/deployments", query={"owner": owner}, header={"Idempotency-Key": idempotency_key}, body=body)["data"])

    def show_deployment(self, deployment_id: str, *, owner: Literal["organization", "installation"] | None = None) -> shapes.DeploymentOut:
        """One deployment."""
        return cast("shapes.DeploymentOut", self._transport.send("GET", filled("/deployments/{deployment_id}", deployment_id), query={"owner": owner})["data"])

    def change_deployment(self, deployment_id: str, body: shapes.DeploymentChangesIn, *, owner: Literal["organization", "installation"] | None = None, if_match: str | None = None) -> shapes.DeploymentOut:
        """Change its share, or take it out of service and back."""
        return cast("shapes.DeploymentOut", self._transport.send("PATCH", filled("/deployments/{deployment_id}", deployment_id), query={"owner": owner}, header={"If-Match": if_match}, body=body)["data"])

    def remove_deployment(self, deployment_id: str, *, owner: Literal["organization", "installation"] | None = None, if_match: str | None = None) -> None:
        """Remove a deployment, unless a model needs it."""
        self._transport.send("DELETE", filled("/deployments/{deployment_id}", deployment_id), query={"owner": owner}, header={"If-Match": if_match})

    def show_directory(self) -> shapes.DirectoryOut:
        """What its people are who have nothing by their groups."""
        return cast("shapes.DirectoryOut", self._transport.send("GET", "/directory")["data"])

    def change_directory(self, body: shapes.DirectoryChangeBody, *, if_match: str | None = None) -> shapes.DirectoryOut:
        """Its people follow at once."""
        return cast("shapes.DirectoryOut", self._transport.send("PATCH", "/directory", header={"If-Match": if_match}, body=body)["data"])

    def list_directory_groups(self, *, page: int | None = None, per_page: int | None = None, sort: str | None = None) -> Page[shapes.DirectoryGroupOut]:
        """Those that the directory told of, by name, and what each gives."""
        return cast("Page[shapes.DirectoryGroupOut]", self._transport.send("GET", "/directory-groups", query={"page": page, "per_page": per_page, "sort": sort}))

    def show_directory_group(self, group_id: str) -> shapes.DirectoryGroupOut:
        """One that the directory told of."""
        return cast("shapes.DirectoryGroupOut", self._transport.send("GET", filled("/directory-groups/{group_id}", group_id))["data"])

    def map_directory_group(self, group_id: str, body: shapes.GroupMappingBody, *, if_match: str | None = None) -> shapes.DirectoryGroupOut:
        """Its people follow at once: each is the highest of what their groups, the default and people gave them."""
        return cast("shapes.DirectoryGroupOut", self._transport.send("PATCH", filled("/directory-groups/{group_id}", group_id), header={"If-Match": if_match}, body=body)["data"])

    def list_directory_tokens(self, *, page: int | None = None, per_page: int | None = None, sort: str | None = None) -> Page[shapes.DirectoryTokenOut]:
        """The organisation's, the newest first."""
        return cast("Page[shapes.DirectoryTokenOut]", self._transport.send("GET", "/directory-tokens", query={"page": page, "per_page": per_page, "sort": sort}))

    def create_directory_token(self, body: shapes.NewDirectoryTokenBody, *, idempotency_key: str | None = None) -> shapes.NewDirectoryTokenOut:
        """Let a directory say who belongs to the organisation, at `/scim/v2`. The token is shown once."""
        return cast("shapes.NewDirectoryTokenOut", self._transport.send("POST", "/directory-tokens", header={"Idempotency-Key": idempotency_key}, body=body)["data"])

    def show_directory_token(self, token_id: str) -> shapes.DirectoryTokenOut:
        """One of the organisation's, without the token."""
        return cast("shapes.DirectoryTokenOut", self._transport.send("GET", filled("/directory-tokens/{token_id}", token_id))["data"])

    def revoke_directory_token(self, token_id: str, *, if_match: str | None = None) -> None:
        """The directory is not heard any more. Those whom it let in stay; revoking it again changes nothing."""
        self._transport.send("DELETE", filled("/directory-tokens/{token_id}", token_id), header={"If-Match": if_match})

    def list_gateways(self, *, page: int | None = None, per_page: int | None = None) -> Page[shapes.GatewayOut]:
        """Those that any control plane has heard of, by id; of those that are away, for an hour."""
        return cast("Page[shapes.GatewayOut]", self._transport.send("GET", "/gateways", query={"page": page, "per_page": per_page}))

    def drain_gateway(self, gateway_id: str) -> shapes.GatewayOut:
        """Its `/ready` answers 503 within a second, so that balancers leave it; it serves what still comes. It
        stays so, whoever restarts.
        """
        return cast("shapes.GatewayOut", self._transport.send("POST", filled("/gateways/{gateway_id}/drain", gateway_id))["data"])

    def undrain_gateway(self, gateway_id: str) -> None:
        """Balancers may send it requests again, within a second."""
        self._transport.send("POST", filled("/gateways/{gateway_id}/undrain", gateway_id))

    def list_invitations(self, *, state: Literal["pending", "accepted", "revoked", "expired"] | None = None, page: int | None = None, per_page: int | None = None, sort: str | None = None) -> Page[shapes.InvitationOut]:
        """The organisation's, the newest first."""
        return cast("Page[shapes.InvitationOut]", self._transport.send("GET", "/invitations", query={"state": state, "page": page, "per_page": per_page, "sort": sort}))

    def create_invitation(self, body: shapes.NewInvitationBody, *, idempotency_key: str | None = None) -> shapes.NewInvitationOut:
        """Make a link that lets the owner of an address join, for seven days. It is shown once; send it to them
        yourself.
        """
        return cast("shapes.NewInvitationOut", self._transport.send("POST", "/invitations", header={"Idempotency-Key": idempotency_key}, body=body)["data"])

    def accept_invitation(self, body: shapes.AcceptanceBody) -> shapes.AcceptanceOut:
        """Join by a link: as yourself when you are signed in, or with an account that is made for the address."""
        return cast("shapes.AcceptanceOut", self._transport.send("POST", "/invitations/accept", body=body)["data"])

    def show_invitation(self, invitation_id: str) -> shapes.InvitationOut:
        """One of the organisation's."""
        return cast("shapes.InvitationOut", self._transport.send("GET", filled("/invitations/{invitation_id}", invitation_id))["data"])

    def revoke_invitation(self, invitation_id: str, *, if_match: str | None = None) -> None:
        """Its link stops working. Revoking it again changes nothing."""
        self._transport.send("DELETE", filled("/invitations/{invitation_id}", invitation_id), header={"If-Match": if_match})

    def show_keyring(self) -> shapes.KeyringOut:
        """Each key of the keyring by its id, and how much it seals."""
        return cast("shapes.KeyringOut", self._transport.send("GET", "/keyring")["data"])

    def rotate_keyring(self) -> shapes.RotatedOut:
        """While everything runs. Cut short, it goes on when it is asked for again."""
        return cast("shapes.RotatedOut", self._transport.send("POST", "/keyring/rotations")["data"])

    def list_keys(self, *, kind: Literal["inference", "management"] | None = None, state: Literal["active", "suspended", "expired", "revoked"] | None = None, project_id: str | None = None, owner_id: str | None = None, page: int | None = None, per_page: int | None = None, sort: str | None = None, cursor: str | None = None) -> Page[shapes.KeyOut]:
        """The organisation's keys, the newest first."""
        return cast("Page[shapes.KeyOut]", self._transport.send("GET", "/keys", query={"kind": kind, "state": state, "project_id": project_id, "owner_id": owner_id, "page": page, "per_page": per_page, "sort": sort, "cursor": cursor}))

    def create_key(self, body: shapes.NewKeyBody, *, idempotency_key: str | None = None) -> shapes.NewKeyOut:
        """Make a key and show it once, or import one by its hash."""
        return cast("shapes.NewKeyOut", self._transport.send("POST", "/keys", header={"Idempotency-Key": idempotency_key}, body=body)["data"])

    def create_keys(self, body: shapes.NewKeysBody, *, idempotency_key: str | None = None) -> list[shapes.NewKeyOut]:
        """Make or import up to a thousand keys: all of them, or none. They come back in their order, each shown
        once.
        """
        return cast("list[shapes.NewKeyOut]", self._transport.send("POST", "/keys/bulk", header={"Idempotency-Key": idempotency_key}, body=body)["data"])

    def show_key(self, key_id: str) -> shapes.KeyOut:
        """One key of the organisation."""
        return cast("shapes.KeyOut", self._transport.send("GET", filled("/keys/{key_id}", key_id))["data"])

    def change_key(self, key_id: str, body: shapes.KeyChangeBody, *, if_match: str | None = None) -> shapes.KeyOut:
        """Rename it, move its end, or hold it to something else. What it may do is fixed when it is made."""
        return cast("shapes.KeyOut", self._transport.send("PATCH", filled("/keys/{key_id}", key_id), header={"If-Match": if_match}, body=body)["data"])

    def revoke_key(self, key_id: str, *, if_match: str | None = None) -> None:
        """Make it useless for good, everywhere within a second. Revoking it again changes nothing."""
        self._transport.send("DELETE", filled("/keys/{key_id}", key_id), header={"If-Match": if_match})

    def rotate_key(self, key_id: str, body: shapes.RotationBody, *, if_match: str | None = None, idempotency_key: str | None = None) -> shapes.NewKeyOut:
        """Show a new secret once. The former one goes on working for the overlap; it is the same key all the
        while.
        """
        return cast("shapes.NewKeyOut", self._transport.send("POST", filled("/keys/{key_id}/rotate", key_id), header={"If-Match": if_match, "Idempotency-Key": idempotency_key}, body=body)["data"])

    def list_leases(self, *, gateway: str | None = None, budget_id: str | None = None, organization_id: str | None = None, page: int | None = None, per_page: int | None = None) -> Page[shapes.LeaseOut]:
        """What gateways hold of an organisation's budgets, by budget, period and gateway."""
        return cast("Page[shapes.LeaseOut]", self._transport.send("GET", "/leases", query={"gateway": gateway, "budget_id": budget_id, "organization_id": organization_id, "page": page, "per_page": per_page}))

    def list_accounts(self, *, kind: Literal["charge", "payable", "margin", "authorized", "available", "held", "spent"] | None = None, project_id: str | None = None, key_id: str | None = None, provider_id: str | None = None, budget_id: str | None = None, as_of: str | None = None, page: int | None = None, per_page: int | None = None) -> Page[shapes.AccountOut]:
        """Accounts, and what they come to, now or at any time."""
        return cast("Page[shapes.AccountOut]", self._transport.send("GET", "/ledger/accounts", query={"kind": kind, "project_id": project_id, "key_id": key_id, "provider_id": provider_id, "budget_id": budget_id, "as_of": as_of, "page": page, "per_page": per_page}))

    def list_closed_periods(self, *, page: int | None = None, per_page: int | None = None) -> Page[shapes.ClosedPeriodOut]:
        """What was closed, the newest first."""
        return cast("Page[shapes.ClosedPeriodOut]", self._transport.send("GET", "/ledger/closed-periods", query={"page": page, "per_page": per_page}))

    def close_period(self, body: shapes.ClosingIn, *, idempotency_key: str | None = None) -> shapes.ClosedPeriodOut:
        """Close everything up to a time, for good: it is not rated anew any more. Usage that arrives later is
        settled all the same.
        """
        return cast("shapes.ClosedPeriodOut", self._transport.send("POST", "/ledger/closed-periods", header={"Idempotency-Key": idempotency_key}, body=body)["data"])

    def rebuild_counters(self, *, idempotency_key: str | None = None) -> shapes.RebuiltOut:
        """Make every counter of budgets anew from the entries. Requests go on meanwhile; usage is stored when it
        is done.
        """
        return cast("shapes.RebuiltOut", self._transport.send("POST", "/ledger/counter-rebuilds", header={"Idempotency-Key": idempotency_key})["data"])

    def list_entries(self, *, account: int | None = None, transaction: int | None = None, cursor: str | None = None, per_page: int | None = None) -> Page[shapes.EntryOut]:
        """Entries of all accounts or of one, the newest first."""
        return cast("Page[shapes.EntryOut]", self._transport.send("GET", "/ledger/entries", query={"account": account, "transaction": transaction, "cursor": cursor, "per_page": per_page}))

    def list_transactions(self, *, kind: Literal["usage", "period_opened", "lease_granted", "lease_returned", "lease_reclaimed", "allowance_changed", "re_rating"] | None = None, reference: str | None = None, from_: str | None = None, to: str | None = None, cursor: str | None = None, per_page: int | None = None) -> Page[shapes.TransactionOut]:
        """Transactions, the newest first."""
        return cast("Page[shapes.TransactionOut]", self._transport.send("GET", "/ledger/transactions", query={"kind": kind, "reference": reference, "from": from_, "to": to, "cursor": cursor, "per_page": per_page}))

    def show_transaction(self, number: str) -> shapes.WholeTransactionOut:
        """One transaction with its entries."""
        return cast("shapes.WholeTransactionOut", self._transport.send("GET", filled("/ledger/transactions/{number}", number))["data"])

    def verify_ledger(self) -> shapes.ProofOut:
        """Check that every transaction adds up to nothing, settles what its records say, and that budgets count
        what is entered.
        """
        return cast("shapes.ProofOut", self._transport.send("GET", "/ledger/verification")["data"])

    def watch_verification(self) -> None:
        """The same, and how far it is: one JSON object a line, the last one with `finished`."""
        self._transport.send("GET", "/ledger/verification/progress")

    def list_limits(self, *, scope: Literal["organization", "project", "user", "key", "model"] | None = None, scope_id: str | None = None, unit: Literal["requests", "tokens", "spend", "concurrent"] | None = None, page: int | None = None, per_page: int | None = None, sort: str | None = None) -> Page[shapes.LimitOut]:
        """Those of the caller's organisation, the oldest first."""
        return cast("Page[shapes.LimitOut]", self._transport.send("GET", "/limits", query={"scope": scope, "scope_id": scope_id, "unit": unit, "page": page, "per_page": per_page, "sort": sort}))

    def create_limit(self, body: shapes.NewLimitIn, *, idempotency_key: str | None = None) -> shapes.LimitOut:
        """It holds from the next request on."""
        return cast("shapes.LimitOut", self._transport.send("POST", "/limits", header={"Idempotency-Key": idempotency_key}, body=body)["data"])

    def show_limit(self, limit_id: str) -> shapes.LimitOut:
        """One limit."""
        return cast("shapes.LimitOut", self._transport.send("GET", filled("/limits/{limit_id}", limit_id))["data"])

    def change_limit(self, limit_id: str, body: shapes.LimitChangesIn, *, if_match: str | None = None) -> shapes.LimitOut:
        """Another amount, from the next request on. What was counted stays counted."""
        return cast("shapes.LimitOut", self._transport.send("PATCH", filled("/limits/{limit_id}", limit_id), header={"If-Match": if_match}, body=body)["data"])

    def remove_limit(self, limit_id: str, *, if_match: str | None = None) -> None:
        """Nothing is held to it any more."""
        self._transport.send("DELETE", filled("/limits/{limit_id}", limit_id), header={"If-Match": if_match})

    def list_mark_ups(self, *, organization_id: str | None = None, page: int | None = None, per_page: int | None = None) -> Page[shapes.MarkUpOut]:
        """An organisation's mark-ups, by when they begin."""
        return cast("Page[shapes.MarkUpOut]", self._transport.send("GET", "/mark-ups", query={"organization_id": organization_id, "page": page, "per_page": per_page}))

    def create_mark_up(self, body: shapes.NewMarkUpIn, *, idempotency_key: str | None = None) -> shapes.MarkUpOut:
        """Set a mark-up. Usage that is recorded already keeps its charge, until it is rated anew."""
        return cast("shapes.MarkUpOut", self._transport.send("POST", "/mark-ups", header={"Idempotency-Key": idempotency_key}, body=body)["data"])

    def remove_mark_up(self, mark_up_id: str, *, organization_id: str | None = None, if_match: str | None = None) -> None:
        """Remove a mark-up: the one before it holds on. Usage that is recorded already keeps its charge."""
        self._transport.send("DELETE", filled("/mark-ups/{mark_up_id}", mark_up_id), query={"organization_id": organization_id}, header={"If-Match": if_match})

    def me(self) -> shapes.MeOut:
        """The caller, and what they may do where they act."""
        return cast("shapes.MeOut", self._transport.send("GET", "/me")["data"])

    def list_members(self, *, page: int | None = None, per_page: int | None = None, sort: str | None = None) -> Page[shapes.MemberOut]:
        """Those who belong to the organisation, in the order in which they joined."""
        return cast("Page[shapes.MemberOut]", self._transport.send("GET", "/members", query={"page": page, "per_page": per_page, "sort": sort}))

    def show_member(self, member_id: str) -> shapes.MemberOut:
        """One of the organisation's."""
        return cast("shapes.MemberOut", self._transport.send("GET", filled("/members/{member_id}", member_id))["data"])

    def change_member(self, member_id: str, body: shapes.MemberChangeBody, *, if_match: str | None = None) -> shapes.MemberOut:
        """Make them something else in this organisation. Its last admin stays one; what its directory gives
        somebody stays too.
        """
        return cast("shapes.MemberOut", self._transport.send("PATCH", filled("/members/{member_id}", member_id), header={"If-Match": if_match}, body=body)["data"])

    def remove_member(self, member_id: str, *, if_match: str | None = None) -> None:
        """They belong to the organisation no more, and their keys in it stop working. Its last admin stays."""
        self._transport.send("DELETE", filled("/members/{member_id}", member_id), header={"If-Match": if_match})

    def list_models(self, *, kind: Literal["alias", "deployment"] | None = None, owner: Literal["organization", "installation"] | None = None, page: int | None = None, per_page: int | None = None, sort: str | None = None) -> Page[shapes.ModelOut]:
        """Every name that callers can use, those of the whole installation among them."""
        return cast("Page[shapes.ModelOut]", self._transport.send("GET", "/models", query={"kind": kind, "owner": owner, "page": page, "per_page": per_page, "sort": sort}))

    def create_model(self, body: shapes.NewModelIn, *, owner: Literal["organization", "installation"] | None = None, idempotency_key: str | None = None) -> shapes.ModelOut:
        """Make an alias for one or more deployments."""
        return cast("shapes.ModelOut", self._transport.send("POST", "/models", query={"owner": owner}, header={"Idempotency-Key": idempotency_key}, body=body)["data"])

    def show_model(self, model: str, *, owner: Literal["organization", "installation"] | None = None) -> shapes.ModelOut:
        """One model, by id or name."""
        return cast("shapes.ModelOut", self._transport.send("GET", filled("/models/{model}", model, slashes=True), query={"owner": owner})["data"])

    def change_model(self, model: str, body: shapes.ModelChangesIn, *, owner: Literal["organization", "installation"] | None = None, if_match: str | None = None) -> shapes.ModelOut:
        """Point an alias, by id or name, at other targets."""
        return cast("shapes.ModelOut", self._transport.send("PATCH", filled("/models/{model}", model, slashes=True), query={"owner": owner}, header={"If-Match": if_match}, body=body)["data"])

    def remove_model(self, model: str, *, owner: Literal["organization", "installation"] | None = None, if_match: str | None = None) -> None:
        """Remove an alias, by id or name. Its deployments stay."""
        self._transport.send("DELETE", filled("/models/{model}", model, slashes=True), query={"owner": owner}, header={"If-Match": if_match})

    def list_organizations(self, *, page: int | None = None, per_page: int | None = None, sort: str | None = None) -> Page[shapes.OrganizationOut]:
        """The caller's own; all of them for an operator."""
        return cast("Page[shapes.OrganizationOut]", self._transport.send("GET", "/organizations", query={"page": page, "per_page": per_page, "sort": sort}))

    def create_organization(self, body: shapes.NewOrganizationBody, *, idempotency_key: str | None = None) -> shapes.OrganizationOut:
        """An organisation, with a project to begin in."""
        return cast("shapes.OrganizationOut", self._transport.send("POST", "/organizations", header={"Idempotency-Key": idempotency_key}, body=body)["data"])

    def show_organization(self, organization_id: str) -> shapes.OrganizationOut:
        """One that the caller may know of."""
        return cast("shapes.OrganizationOut", self._transport.send("GET", filled("/organizations/{organization_id}", organization_id))["data"])

    def change_organization(self, organization_id: str, body: shapes.OrganizationChangeBody, *, if_match: str | None = None) -> shapes.OrganizationOut:
        """Rename it, or take it out of service and back, everywhere within a second."""
        return cast("shapes.OrganizationOut", self._transport.send("PATCH", filled("/organizations/{organization_id}", organization_id), header={"If-Match": if_match}, body=body)["data"])

    def list_prices(self, *, provider: str | None = None, upstream_model: str | None = None, owner: Literal["organization", "installation"] | None = None, page: int | None = None, per_page: int | None = None, sort: str | None = None) -> Page[shapes.PriceOut]:
        """Every price, your own and the shipped ones, by provider, model and date."""
        return cast("Page[shapes.PriceOut]", self._transport.send("GET", "/prices", query={"provider": provider, "upstream_model": upstream_model, "owner": owner, "page": page, "per_page": per_page, "sort": sort}))

    def create_price(self, body: shapes.NewPriceIn, *, owner: Literal["organization", "installation"] | None = None, idempotency_key: str | None = None) -> shapes.PriceOut:
        """Set a price. The one that held without an end until then ends at `valid_from`.  Usage that is recorded
        already keeps its cost.
        """
        return cast("shapes.PriceOut", self._transport.send("POST", "/prices", query={"owner": owner}, header={"Idempotency-Key": idempotency_key}, body=body)["data"])

    def show_price(self, price_id: str, *, owner: Literal["organization", "installation"] | None = None) -> shapes.PriceOut:
        """One price."""
        return cast("shapes.PriceOut", self._transport.send("GET", filled("/prices/{price_id}", price_id), query={"owner": owner})["data"])

    def remove_price(self, price_id: str, *, owner: Literal["organization", "installation"] | None = None, if_match: str | None = None) -> None:
        """Remove one of your own prices. Usage that is recorded already keeps its cost."""
        self._transport.send("DELETE", filled("/prices/{price_id}", price_id), query={"owner": owner}, header={"If-Match": if_match})

    def list_projects(self, *, page: int | None = None, per_page: int | None = None, sort: str | None = None) -> Page[shapes.ProjectOut]:
        """Those of the caller's organisation, the oldest first."""
        return cast("Page[shapes.ProjectOut]", self._transport.send("GET", "/projects", query={"page": page, "per_page": per_page, "sort": sort}))

    def create_project(self, body: shapes.NewProjectBody, *, idempotency_key: str | None = None) -> shapes.ProjectOut:
        """A part of the organisation, for keys and costs to belong to."""
        return cast("shapes.ProjectOut", self._transport.send("POST", "/projects", header={"Idempotency-Key": idempotency_key}, body=body)["data"])

    def show_project(self, project_id: str) -> shapes.ProjectOut:
        """One of the organisation's."""
        return cast("shapes.ProjectOut", self._transport.send("GET", filled("/projects/{project_id}", project_id))["data"])

    def change_project(self, project_id: str, body: shapes.ProjectChangeBody, *, if_match: str | None = None) -> shapes.ProjectOut:
        """Rename it, or archive it and take it back; its keys follow everywhere within a second."""
        return cast("shapes.ProjectOut", self._transport.send("PATCH", filled("/projects/{project_id}", project_id), header={"If-Match": if_match}, body=body)["data"])

    def list_providers(self, *, owner: Literal["organization", "installation"] | None = None, page: int | None = None, per_page: int | None = None, sort: str | None = None) -> Page[shapes.ProviderOut]:
        """Every provider, by name."""
        return cast("Page[shapes.ProviderOut]", self._transport.send("GET", "/providers", query={"owner": owner, "page": page, "per_page": per_page, "sort": sort}))

    def create_provider(self, body: shapes.NewProviderIn, *, owner: Literal["organization", "installation"] | None = None, idempotency_key: str | None = None) -> shapes.ProviderOut:
        """Add a provider. Its models are added with `/deployments` or `/models`."""
        return cast("shapes.ProviderOut", self._transport.send("POST", "/providers", query={"owner": owner}, header={"Idempotency-Key": idempotency_key}, body=body)["data"])

    def show_provider(self, provider: str, *, owner: Literal["organization", "installation"] | None = None) -> shapes.ProviderOut:
        """One provider, by id or name."""
        return cast("shapes.ProviderOut", self._transport.send("GET", filled("/providers/{provider}", provider), query={"owner": owner})["data"])

    def change_provider(self, provider: str, body: shapes.ProviderChangesIn, *, owner: Literal["organization", "installation"] | None = None, if_match: str | None = None) -> shapes.ProviderOut:
        """Move a provider, or give it another credential. A discovered one is no longer changed by discovery then."""
        return cast("shapes.ProviderOut", self._transport.send("PATCH", filled("/providers/{provider}", provider), query={"owner": owner}, header={"If-Match": if_match}, body=body)["data"])

    def remove_provider(self, provider: str, *, owner: Literal["organization", "installation"] | None = None, if_match: str | None = None) -> None:
        """Remove a provider and its deployments, unless a model needs one of them."""
        self._transport.send("DELETE", filled("/providers/{provider}", provider), query={"owner": owner}, header={"If-Match": if_match})

    def list_re_ratings(self, *, page: int | None = None, per_page: int | None = None) -> Page[shapes.ReRatingOut]:
        """What was rated anew, the newest first."""
        return cast("Page[shapes.ReRatingOut]", self._transport.send("GET", "/re-ratings", query={"page": page, "per_page": per_page}))

    def re_rate(self, body: shapes.RangeIn, *, idempotency_key: str | None = None) -> shapes.DoneOut:
        """Post what today's prices and mark-ups change about past records, 20,000 at a time. A second time it
        changes nothing.  Each step is entered by itself. What broke off goes on with its last `next`, or from
        the start: what is done is passed over.
        """
        return cast("shapes.DoneOut", self._transport.send("POST", "/re-ratings", header={"Idempotency-Key": idempotency_key}, body=body)["data"])

    def preview_re_rating(self, *, start: str | None = None, end: str | None = None, provider_id: str | None = None, model: str | None = None, upstream_model: str | None = None, after: str | None = None) -> shapes.PreviewOut:
        """What today's prices and mark-ups would make of past records, 20,000 at a time. Changes nothing."""
        return cast("shapes.PreviewOut", self._transport.send("GET", "/re-ratings/preview", query={"start": start, "end": end, "provider_id": provider_id, "model": model, "upstream_model": upstream_model, "after": after})["data"])

    def show_re_rating(self, re_rating_id: str) -> shapes.ReRatingOut:
        """One re-rating."""
        return cast("shapes.ReRatingOut", self._transport.send("GET", filled("/re-ratings/{re_rating_id}", re_rating_id))["data"])

    def list_rejected_usage_events(self, *, cursor: str | None = None, per_page: int | None = None) -> Page[shapes.RejectedUsageEventOut]:
        """What was put aside, the newest first: nothing, where all is well."""
        return cast("Page[shapes.RejectedUsageEventOut]", self._transport.send("GET", "/rejected-usage-events", query={"cursor": cursor, "per_page": per_page}))

    def list_service_accounts(self, *, project_id: str | None = None, state: Literal["active", "disabled"] | None = None, page: int | None = None, per_page: int | None = None, sort: str | None = None) -> Page[shapes.ServiceAccountOut]:
        """The organisation's, the oldest first."""
        return cast("Page[shapes.ServiceAccountOut]", self._transport.send("GET", "/service-accounts", query={"project_id": project_id, "state": state, "page": page, "per_page": per_page, "sort": sort}))

    def create_service_account(self, body: shapes.NewServiceAccountBody, *, idempotency_key: str | None = None) -> shapes.ServiceAccountOut:
        """Who a program is to be. Make its keys with `POST /api/v1/keys` and `service_account_id`."""
        return cast("shapes.ServiceAccountOut", self._transport.send("POST", "/service-accounts", header={"Idempotency-Key": idempotency_key}, body=body)["data"])

    def show_service_account(self, service_account_id: str) -> shapes.ServiceAccountOut:
        """One of the organisation's."""
        return cast("shapes.ServiceAccountOut", self._transport.send("GET", filled("/service-accounts/{service_account_id}", service_account_id))["data"])

    def change_service_account(self, service_account_id: str, body: shapes.ServiceAccountChangeBody, *, if_match: str | None = None) -> shapes.ServiceAccountOut:
        """Rename it, give it another role, or disable and enable it; its keys follow everywhere within a second."""
        return cast("shapes.ServiceAccountOut", self._transport.send("PATCH", filled("/service-accounts/{service_account_id}", service_account_id), header={"If-Match": if_match}, body=body)["data"])

    def list_sessions(self, *, page: int | None = None, per_page: int | None = None) -> Page[shapes.SessionOut]:
        """Those that can still be used, the newest first."""
        return cast("Page[shapes.SessionOut]", self._transport.send("GET", "/sessions", query={"page": page, "per_page": per_page}))

    def revoke_other_sessions(self) -> None:
        """All but this one."""
        self._transport.send("DELETE", "/sessions")

    def revoke_one_session(self, session_id: str) -> None:
        """One of one's own. Its tokens are worth nothing from here on."""
        self._transport.send("DELETE", filled("/sessions/{session_id}", session_id))

    def list_sso_connections(self, *, page: int | None = None, per_page: int | None = None, sort: str | None = None) -> Page[shapes.ConnectionOut]:
        """The organisation's, the oldest first."""
        return cast("Page[shapes.ConnectionOut]", self._transport.send("GET", "/sso-connections", query={"page": page, "per_page": per_page, "sort": sort}))

    def create_sso_connection(self, body: shapes.NewConnectionBody, *, idempotency_key: str | None = None) -> shapes.ConnectionOut:
        """People sign in by it from now on. The directory is asked when the first of them does."""
        return cast("shapes.ConnectionOut", self._transport.send("POST", "/sso-connections", header={"Idempotency-Key": idempotency_key}, body=body)["data"])

    def show_sso_connection(self, connection_id: str) -> shapes.ConnectionOut:
        """One of the organisation's."""
        return cast("shapes.ConnectionOut", self._transport.send("GET", filled("/sso-connections/{connection_id}", connection_id))["data"])

    def change_sso_connection(self, connection_id: str, body: shapes.ConnectionChangeBody, *, if_match: str | None = None) -> shapes.ConnectionOut:
        """It holds for the next sign-in; who is signed in stays so."""
        return cast("shapes.ConnectionOut", self._transport.send("PATCH", filled("/sso-connections/{connection_id}", connection_id), header={"If-Match": if_match}, body=body)["data"])

    def remove_sso_connection(self, connection_id: str, *, if_match: str | None = None) -> None:
        """Nobody signs in by it any more. Members stay members."""
        self._transport.send("DELETE", filled("/sso-connections/{connection_id}", connection_id), header={"If-Match": if_match})

    def status(self) -> shapes.StatusOut:
        """Version, health, and what the engine says of itself."""
        return cast("shapes.StatusOut", self._transport.send("GET", "/status")["data"])

    def show_usage(self, *, organization_id: str | None = None, project_id: str | None = None, key_id: str | None = None, user_id: str | None = None, model: str | None = None, provider_id: str | None = None, deployment_id: str | None = None, upstream_model: str | None = None, endpoint: str | None = None, outcome: Literal["success", "upstream_error", "truncated", "cancelled", "interrupted", "gateway_error"] | None = None, status: int | None = None, tag: list[str] | None = None, time_zone: str | None = None, group_by: str | None = None, from_: str | None = None, to: str | None = None, sort: str | None = None, compare: Literal["previous"] | None = None, page: int | None = None, per_page: int | None = None) -> shapes.UsageReportEnvelope:
        """Requests, tokens and cost by group, the newest first."""
        return cast("shapes.UsageReportEnvelope", self._transport.send("GET", "/usage", query={"organization_id": organization_id, "project_id": project_id, "key_id": key_id, "user_id": user_id, "model": model, "provider_id": provider_id, "deployment_id": deployment_id, "upstream_model": upstream_model, "endpoint": endpoint, "outcome": outcome, "status": status, "tag": tag, "time_zone": time_zone, "group_by": group_by, "from": from_, "to": to, "sort": sort, "compare": compare, "page": page, "per_page": per_page}))

    def list_usage_events(self, *, from_: str | None = None, to: str | None = None, project_id: str | None = None, key_id: str | None = None, user_id: str | None = None, model: str | None = None, provider_id: str | None = None, outcome: Literal["success", "upstream_error", "truncated", "cancelled", "interrupted", "gateway_error"] | None = None, event_id: str | None = None, contradicted: bool | None = None, cursor: str | None = None, per_page: int | None = None) -> Page[shapes.UsageEventOut]:
        """Single requests, the newest first."""
        return cast("Page[shapes.UsageEventOut]", self._transport.send("GET", "/usage-events", query={"from": from_, "to": to, "project_id": project_id, "key_id": key_id, "user_id": user_id, "model": model, "provider_id": provider_id, "outcome": outcome, "event_id": event_id, "contradicted": contradicted, "cursor": cursor, "per_page": per_page}))

    def export_usage_events(self, *, from_: str | None = None, to: str | None = None, project_id: str | None = None, key_id: str | None = None, user_id: str | None = None, model: str | None = None, provider_id: str | None = None, outcome: Literal["success", "upstream_error", "truncated", "cancelled", "interrupted", "gateway_error"] | None = None, event_id: str | None = None, contradicted: bool | None = None, format: Literal["csv", "parquet"] | None = None) -> None:
        """Single requests as a file, all of them, the newest first."""
        self._transport.send("GET", "/usage-events/export", query={"from": from_, "to": to, "project_id": project_id, "key_id": key_id, "user_id": user_id, "model": model, "provider_id": provider_id, "outcome": outcome, "event_id": event_id, "contradicted": contradicted, "format": format})

    def store_usage_events(self, *, from_: str | None = None, to: str | None = None, project_id: str | None = None, key_id: str | None = None, user_id: str | None = None, model: str | None = None, provider_id: str | None = None, outcome: Literal["success", "upstream_error", "truncated", "cancelled", "interrupted", "gateway_error"] | None = None, event_id: str | None = None, contradicted: bool | None = None, format: Literal["csv", "parquet"] | None = None) -> None:
        """Single requests, put into the object store as a file; the answer is that of a report."""
        self._transport.send("POST", "/usage-events/export", query={"from": from_, "to": to, "project_id": project_id, "key_id": key_id, "user_id": user_id, "model": model, "provider_id": provider_id, "outcome": outcome, "event_id": event_id, "contradicted": contradicted, "format": format})

    def show_usage_rebuilds(self) -> shapes.PendingDaysOut:
        """Days whose sums are still to be made anew."""
        return cast("shapes.PendingDaysOut", self._transport.send("GET", "/usage-rebuilds")["data"])

    def rebuild_usage(self, body: shapes.DaysBody) -> shapes.PendingDaysOut:
        """Have the sums of these days made anew from the records, while usage goes on being stored. Safe to
        repeat.
        """
        return cast("shapes.PendingDaysOut", self._transport.send("POST", "/usage-rebuilds", body=body)["data"])

    def check_usage(self, *, day: str | None = None) -> shapes.ComparedOut:
        """Whether a day's sums are what its records come to. Changes nothing."""
        return cast("shapes.ComparedOut", self._transport.send("GET", "/usage-rebuilds/check", query={"day": day})["data"])

    def export_usage(self, *, organization_id: str | None = None, project_id: str | None = None, key_id: str | None = None, user_id: str | None = None, model: str | None = None, provider_id: str | None = None, deployment_id: str | None = None, upstream_model: str | None = None, endpoint: str | None = None, outcome: Literal["success", "upstream_error", "truncated", "cancelled", "interrupted", "gateway_error"] | None = None, status: int | None = None, tag: list[str] | None = None, time_zone: str | None = None, group_by: str | None = None, from_: str | None = None, to: str | None = None, sort: str | None = None, compare: Literal["previous"] | None = None, format: Literal["csv", "parquet"] | None = None) -> None:
        """A report as a file, all of its rows. Amounts and counts are whole numbers; amounts are in nanodollars,
        too.
        """
        self._transport.send("GET", "/usage/export", query={"organization_id": organization_id, "project_id": project_id, "key_id": key_id, "user_id": user_id, "model": model, "provider_id": provider_id, "deployment_id": deployment_id, "upstream_model": upstream_model, "endpoint": endpoint, "outcome": outcome, "status": status, "tag": tag, "time_zone": time_zone, "group_by": group_by, "from": from_, "to": to, "sort": sort, "compare": compare, "format": format})

    def store_usage(self, *, organization_id: str | None = None, project_id: str | None = None, key_id: str | None = None, user_id: str | None = None, model: str | None = None, provider_id: str | None = None, deployment_id: str | None = None, upstream_model: str | None = None, endpoint: str | None = None, outcome: Literal["success", "upstream_error", "truncated", "cancelled", "interrupted", "gateway_error"] | None = None, status: int | None = None, tag: list[str] | None = None, time_zone: str | None = None, group_by: str | None = None, from_: str | None = None, to: str | None = None, sort: str | None = None, compare: Literal["previous"] | None = None, format: Literal["csv", "parquet"] | None = None) -> None:
        """A report, put into the object store as a file.  The answer is lines of JSON: each second one with
        `bytes`, what is written so far; the last one with `name`, `link` and `link_expires_at` as well, or with
        `error`, which has `code` and `message`, and then nothing was stored.
        """
        self._transport.send("POST", "/usage/export", query={"organization_id": organization_id, "project_id": project_id, "key_id": key_id, "user_id": user_id, "model": model, "provider_id": provider_id, "deployment_id": deployment_id, "upstream_model": upstream_model, "endpoint": endpoint, "outcome": outcome, "status": status, "tag": tag, "time_zone": time_zone, "group_by": group_by, "from": from_, "to": to, "sort": sort, "compare": compare, "format": format})

    def forecast_usage(self, *, organization_id: str | None = None, project_id: str | None = None, key_id: str | None = None, user_id: str | None = None, model: str | None = None, provider_id: str | None = None, deployment_id: str | None = None, upstream_model: str | None = None, endpoint: str | None = None, outcome: Literal["success", "upstream_error", "truncated", "cancelled", "interrupted", "gateway_error"] | None = None, status: int | None = None, tag: list[str] | None = None, time_zone: str | None = None, period: Literal["day", "week", "month"] | None = None) -> shapes.ForecastOut:
        """What the running period will come to if things go on as they did lately: an estimate, and how it was
        made.
        """
        return cast("shapes.ForecastOut", self._transport.send("GET", "/usage/forecast", query={"organization_id": organization_id, "project_id": project_id, "key_id": key_id, "user_id": user_id, "model": model, "provider_id": provider_id, "deployment_id": deployment_id, "upstream_model": upstream_model, "endpoint": endpoint, "outcome": outcome, "status": status, "tag": tag, "time_zone": time_zone, "period": period})["data"])

    def list_users(self, *, state: Literal["active", "disabled"] | None = None, email: str | None = None, page: int | None = None, per_page: int | None = None, sort: str | None = None) -> Page[shapes.UserOut]:
        """Everybody in the installation, the oldest first."""
        return cast("Page[shapes.UserOut]", self._transport.send("GET", "/users", query={"state": state, "email": email, "page": page, "per_page": per_page, "sort": sort}))

    def show_user(self, user_id: str) -> shapes.UserOut:
        """One of the installation's."""
        return cast("shapes.UserOut", self._transport.send("GET", filled("/users/{user_id}", user_id))["data"])

    def change_user(self, user_id: str, body: shapes.UserChangeBody, *, if_match: str | None = None) -> shapes.UserOut:
        """Rename them, disable or enable them, or make them an operator; their keys follow everywhere within a
        second.
        """
        return cast("shapes.UserOut", self._transport.send("PATCH", filled("/users/{user_id}", user_id), header={"If-Match": if_match}, body=body)["data"])

    def reset_password(self, user_id: str) -> shapes.OneTimePasswordOut:
        """For who lost theirs: it must be changed at the next sign-in, and their sessions end.  An admin can do it
        for a member who belongs to no other organisation, an operator for everybody.
        """
        return cast("shapes.OneTimePasswordOut", self._transport.send("POST", filled("/users/{user_id}/password-reset", user_id))["data"])

    def reset_second_factor(self, user_id: str) -> None:
        """For who lost it, with its recovery codes: their password alone lets them in until they set up another."""
        self._transport.send("POST", filled("/users/{user_id}/second-factor-reset", user_id))
