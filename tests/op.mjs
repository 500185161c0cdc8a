// The certified OpenID provider of the live tests, on loopback only. Any password signs a known name in.
import { generateKeyPairSync } from "node:crypto";
import Provider from "oidc-provider";

const { ISSUER, CLIENT_ID, CLIENT_SECRET, PORTAL, USERS } = process.env;
const users = JSON.parse(USERS);
const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });

const provider = new Provider(ISSUER, {
  clients: [
    {
      client_id: CLIENT_ID,
      client_secret: CLIENT_SECRET,
      redirect_uris: [`${PORTAL}/auth/callback`],
      post_logout_redirect_uris: [`${PORTAL}/signed-out`],
      grant_types: ["authorization_code"],
      response_types: ["code"],
    },
    {
      client_id: `${CLIENT_ID}-staff`,
      client_secret: CLIENT_SECRET,
      redirect_uris: [`${PORTAL}/auth/2/callback`],
      post_logout_redirect_uris: [`${PORTAL}/signed-out`],
      grant_types: ["authorization_code"],
      response_types: ["code"],
    },
  ],
  jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), use: "sig", alg: "RS256", kid: "live" }] },
  cookies: { keys: ["live-tests-only"] },
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
  features: { devInteractions: { enabled: true }, rpInitiatedLogout: { enabled: true } },
  pkce: { required: () => true },
  findAccount: (_, id) => users[id] && { accountId: id, claims: () => ({ sub: id, ...users[id] }) },
});

provider.listen(new URL(ISSUER).port, "127.0.0.1", () => console.log("listening"));
