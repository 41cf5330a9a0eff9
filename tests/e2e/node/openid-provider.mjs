// A certified OpenID provider (https://github.com/panva/node-oidc-provider) with its own pages for signing in, and the people
// that the Python side names. It listens on a free port of loopback and prints its issuer.
import { createServer } from "node:http";
import Provider from "oidc-provider";

const { people, client, key, conform, authMethods } = JSON.parse(process.env.OPENID);

const server = createServer();
server.listen(Number(process.env.OPENID_PORT ?? 0), "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clientAuthMethods: authMethods,
    clients: [{ ...client, token_endpoint_auth_method: authMethods[0], response_types: ["code"], grant_types: ["authorization_code"] }],
    jwks: { keys: [key] },
    scopes: ["openid", "email", "profile", "groups"],
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"], groups: ["groups"] },
    // false: everything is in the ID token, as most directories do it; true: only UserInfo has it.
    conformIdTokenClaims: conform,
    pkce: { required: () => true },
    cookies: { keys: ["only for tests"] },
    findAccount: (_, sub) => (sub in people ? { accountId: sub, claims: () => ({ sub, ...people[sub] }) } : undefined),
  });
  server.on("request", provider.callback());
  console.log(`issuer ${issuer}`);
});
