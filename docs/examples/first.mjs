// The first signal from Node: node first.mjs producer.json BTCUSDT.PAPER, after: npm install nats
// producer.json is what `./dr producer add NAME --data DATA --json` prints while the stack runs.
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, nkeyAuthenticator } from "nats";

const [access, instrument] = process.argv.slice(2);
const given = JSON.parse(readFileSync(access, "utf8"));
const seed = readFileSync(given.seed_file, "utf8").trim();
const connection = await connect({
  servers: given.url,
  authenticator: nkeyAuthenticator(new TextEncoder().encode(seed)),
  inboxPrefix: given.inbox_prefix, // a producer may hear no other inbox
});
const verdicts = connection.subscribe(given.verdicts); // first: they are not repeated
const signal = {
  id: `first-${Date.now()}`,
  strategy: "ext",
  instrument,
  side: "buy",
  quantity: "0.01", // text: 0.01 as a number would be refused
  confidence: "0.9", // the demo refuses what is below 0.25, or does not say
};
const answer = (await connection.request(given.signals, JSON.stringify(signal))).json();
if (answer.error || answer.duplicate) throw new Error(`not stored: ${JSON.stringify(answer)}`);
console.log(`message ${answer.seq} of the log`);
sleep(10_000, null, { ref: false }).then(() => verdicts.unsubscribe()); // nobody answers
for await (const notice of verdicts) {
  const verdict = notice.json();
  if (verdict.signal_id !== signal.id) continue;
  const { outcome, order_id, rule, reason } = verdict;
  console.log(outcome === "approved" ? `approved: order ${order_id}` : `${outcome}: ${rule}: ${reason}`);
  break;
}
await connection.drain();
