#!/usr/bin/env node
// A producer in Node: sends signals, some of them malformed on purpose, and waits until the log has
// each of them. Prints one JSON line: {sent, malformed, first_sequence, last_sequence}.
//
//   ./dr producer add ext
//   npm install --no-package-lock && node producer.mjs --url nats://127.0.0.1:4222 --producer ext \
//     --seed-file ../../var/nats/credentials/producer-ext.nk --book desk \
//     --instrument BTCUSDT.PAPER --count 1000 --malformed 10
//
// --start is the time of the first signal (RFC 3339; now, if it is left out): a stack that plays a
// tape lives in the tape's time, and refuses what is from its future.

import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { connect, ErrorCode, nkeyAuthenticator } from "nats";

const { values: options } = parseArgs({
  options: {
    url: { type: "string", default: "nats://127.0.0.1:4222" },
    "seed-file": { type: "string" },
    ca: { type: "string" },
    book: { type: "string", default: "desk" },
    producer: { type: "string", default: "ext" },
    strategy: { type: "string", default: "ext" },
    instrument: { type: "string" },
    quantity: { type: "string", default: "0.01" },
    start: { type: "string", default: new Date().toISOString() },
    count: { type: "string", default: "1" },
    malformed: { type: "string", default: "0" },
    verdicts: { type: "boolean", default: false },
  },
});

const ATTEMPTS = 10; // sending the same bytes again is harmless: the id says that they are the same

// Amounts are decimal text: 0.1 as a number is no longer 0.1 by the time it is a double.
function signal(number, run) {
  return {
    id: `${run}-${number}`,
    strategy: options.strategy,
    instrument: options.instrument,
    side: number % 2 ? "sell" : "buy",
    quantity: options.quantity,
    confidence: "0.9", // the demo refuses what is below 0.25, or does not say
    at: new Date(Date.parse(options.start) + number).toISOString(),
    ttl_seconds: 3600,
    meta: { sent_by: "producer.mjs" },
  };
}

// Ten ways to get it wrong; each is refused under a name of its own or for a reason of its own.
const MISTAKES = [
  (good) => JSON.stringify(good).slice(0, -1), //                           not_json
  (good) => JSON.stringify(JSON.stringify(good)), //                        not_an_object
  (good) => JSON.stringify({ ...good, stop_los: "1" }), //                  unknown_field
  ({ side, ...rest }) => JSON.stringify(rest), //                           missing_field
  (good) => JSON.stringify({ ...good, quantity: 0.01 }), //                 wrong_type
  (good) => JSON.stringify({ ...good, side: "long" }), //                   wrong_value
  (good) => JSON.stringify({ ...good, at: "yesterday" }), //                bad_time
  (good) => JSON.stringify({ ...good, strategy: "" }), //                   bad_text
  (good) => JSON.stringify({ ...good, quantity: "-1" }), //                 bad_number
  (good) => JSON.stringify({ ...good, notional: "100" }), //                one_size
];

// Every signal, and where the malformed ones stand: spread evenly among the good.
function* messages(count, malformed, run) {
  let mistakes = 0;
  for (let number = 0; number < count; number += 1) {
    const good = signal(number, run);
    if (Math.floor(((number + 1) * malformed) / count) > mistakes) {
      yield MISTAKES[mistakes % MISTAKES.length](good);
      mistakes += 1;
    } else {
      yield JSON.stringify(good);
    }
  }
}

// The log answers a publish with the message's sequence once it is on disk: {"stream":..,"seq":..}.
async function append(connection, subject, payload) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const answer = (await connection.request(subject, payload, { timeout: 5_000 })).json();
      if (answer.error) throw new Error(`the log refused: ${answer.error.description}`);
      if (answer.duplicate) throw new Error("not stored: the server took it for a duplicate");
      return answer.seq;
    } catch (fault) {
      const silent = fault.code === ErrorCode.Timeout || fault.code === ErrorCode.NoResponders;
      if (!silent || attempt === ATTEMPTS) throw fault;
    }
  }
}

async function showVerdicts(connection, subject) {
  for await (const notice of connection.subscribe(subject)) {
    console.error(notice.string());
  }
}

async function main() {
  if (!options.instrument) throw new Error("--instrument SYMBOL.VENUE is needed");
  if (!options["seed-file"]) throw new Error("--seed-file is needed: dr producer add makes one");
  const count = Number(options.count);
  const malformed = Number(options.malformed);
  const seed = readFileSync(options["seed-file"], "utf8").trim();
  const connection = await connect({
    servers: options.url,
    authenticator: nkeyAuthenticator(new TextEncoder().encode(seed)),
    inboxPrefix: `_INBOX.producer-${options.producer}`, // a producer may hear no other inbox
    tls: options.ca && { caFile: options.ca },
    name: options.producer,
  });
  if (options.verdicts) {
    showVerdicts(connection, `verdict.${options.book}.${options.producer}`);
  }
  const sequences = [];
  const subject = `log.${options.book}.in.${options.producer}`;
  for (const payload of messages(count, malformed, `${options.producer}-${Date.parse(options.start)}`)) {
    sequences.push(await append(connection, subject, payload));
  }
  if (options.verdicts) await sleep(2_000); // the last ones are on their way
  await connection.drain();
  console.log(
    JSON.stringify({
      sent: sequences.length,
      malformed,
      first_sequence: sequences[0] ?? null,
      last_sequence: sequences.at(-1) ?? null,
    }),
  );
}

main().catch((fault) => {
  console.error(`producer: ${fault.message}`);
  process.exit(1);
});
