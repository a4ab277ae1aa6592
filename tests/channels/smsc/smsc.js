// An SMSC for tests: npm's `smpp` does the protocol, this says what is kept and answered.
//
//   node smsc.js STORE [OPTIONS]        OPTIONS and commands are JSON documents
//
// Every submit_sm is appended to STORE before it is answered, so that killing this process at any
// time loses nothing that it has answered. Receipts go out after each answer, and at a bind for
// whatever has none yet; STORE.receipted holds those that were acknowledged. Commands come by
// standard input, a line each; what happened goes to standard output, a line each.
'use strict';
const fs = require('fs');
const readline = require('readline');
const smpp = require(require('path').join(process.env.SMSC_MODULES, 'smpp'));

const store = process.argv[2];
const options = Object.assign(
  { port: 0, password: 'hush', receipts: true, hex: false, quiet: false, receiptDelay: 0,
    receiptFirst: false, answerDelay: 0, again: false },
  JSON.parse(process.argv[3] || '{}'),
);
const refusals = []; // statuses for the next submits, 0 to take one
let silent = false;
const sessions = new Set();

// The library decodes short_message; the octets themselves are what is compared.
const decode = smpp.filters.message.decode;
smpp.filters.message.decode = function (value, skipUdh) {
  if (Buffer.isBuffer(value)) this.octets = value;
  return decode.call(this, value, skipUdh);
};

const lines = (path) =>
  fs.existsSync(path)
    ? fs.readFileSync(path, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line))
    : [];
const kept = lines(store).filter((one) => one.id !== undefined);
const receipted = new Set(lines(store + '.receipted'));
const run = kept.length ? Math.max(...kept.map((one) => one.run)) + 1 : 1;
const storeFile = fs.openSync(store, 'a');
const receiptedFile = fs.openSync(store + '.receipted', 'a');
let count = kept.length;

function tell(what) {
  if (!options.quiet) process.stdout.write(JSON.stringify(what) + '\n');
}

function shownId(number, inReceipt) {
  return options.hex && !inReceipt ? number.toString(16).toUpperCase() : String(number);
}

function sendReceipt(session, number, stat, to, from) {
  const text =
    `id:${shownId(number, true)} sub:001 dlvrd:001 submit date:2611300000 done date:2611300001` +
    ` stat:${stat} err:000 text:`;
  session.deliver_sm(
    { source_addr: to, source_addr_ton: 1, source_addr_npi: 1, destination_addr: from,
      esm_class: 4, data_coding: 0, short_message: Buffer.from(text, 'latin1') },
    (answer) => {
      if (answer.command_status === 0) {
        receipted.add(number);
        fs.writeSync(receiptedFile, number + '\n');
      } else if (options.again && sessions.has(session)) {
        setTimeout(() => sendReceipt(session, number, stat, to, from), 200);
      }
      tell({ receipt: number, status: answer.command_status });
    },
  );
}

function takeSubmit(session, pdu) {
  if (silent) return;
  const refusal = refusals.shift();
  if (refusal) {
    session.send(pdu.response({ command_status: refusal }));
    return;
  }
  const number = ++count;
  const heading = pdu.octets && pdu.esm_class & 0x40 ? pdu.octets[0] + 1 : 0;
  const one = {
    id: number, run, to: pdu.destination_addr, from: pdu.source_addr,
    to_ton: pdu.dest_addr_ton, to_npi: pdu.dest_addr_npi,
    from_ton: pdu.source_addr_ton, from_npi: pdu.source_addr_npi,
    esm_class: pdu.esm_class, data_coding: pdu.data_coding,
    registered_delivery: pdu.registered_delivery,
    heading: pdu.octets.subarray(0, heading).toString('hex'),
    octets: pdu.octets.subarray(heading).toString('hex'),
    read: pdu.short_message.message.toString(),
  };
  if (!options.quiet) fs.writeSync(storeFile, JSON.stringify(one) + '\n');
  if (options.receiptFirst) sendReceipt(session, number, 'DELIVRD', one.to, one.from);
  const answer = () => session.send(pdu.response({ message_id: shownId(number, false) }));
  if (options.answerDelay) setTimeout(answer, options.answerDelay);
  else answer();
  if (options.receipts && !options.receiptFirst) {
    setTimeout(() => sendReceipt(session, number, 'DELIVRD', one.to, one.from),
      options.receiptDelay);
  }
}

const server = smpp.createServer((session) => {
  session.on('error', () => {});
  session.on('close', () => sessions.delete(session));
  session.on('bind_transceiver', (pdu) => {
    if (pdu.password !== options.password) {
      session.send(pdu.response({ command_status: smpp.ESME_RINVPASWD }));
      session.close();
      tell({ refused: pdu.system_id });
      return;
    }
    session.send(pdu.response({ system_id: 'smsc' }));
    sessions.add(session);
    tell({ bound: pdu.system_id, run });
    if (options.receipts) {
      for (const one of kept) {
        if (!receipted.has(one.id)) sendReceipt(session, one.id, 'DELIVRD', one.to, one.from);
      }
    }
  });
  session.on('submit_sm', (pdu) => takeSubmit(session, pdu));
  session.on('enquire_link', (pdu) => {
    tell({ enquired: true });
    if (!silent) session.send(pdu.response());
  });
  session.on('unbind', (pdu) => {
    session.send(pdu.response());
    session.close();
    tell({ unbound: true });
  });
});

const commands = {
  refuse: (command) => refusals.push(...command.statuses),
  silence: (command) => { silent = command.on; },
  receipts: (command) => { options.receipts = command.on; },
  receipt: (command) => {
    for (const session of sessions) sendReceipt(session, command.id, command.stat, '601', '123');
  },
  enquire: () => {
    for (const session of sessions) session.enquire_link((answer) => tell({ alive: answer.command }));
  },
  drop: () => { for (const session of sessions) session.destroy(); },
  raw: (command) => {
    for (const session of sessions) session.socket.write(Buffer.from(command.hex, 'hex'));
  },
  deliver: (command) => {
    const pdu = Object.assign({}, command.pdu);
    for (const name of ['short_message', 'message_payload']) {
      if (typeof pdu[name] === 'string') pdu[name] = Buffer.from(pdu[name], 'hex');
    }
    for (const session of sessions) {
      session.deliver_sm(pdu, (answer) =>
        tell({ delivered: command.mark, status: answer.command_status }));
    }
  },
};

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const command = JSON.parse(line);
  commands[command.do](command);
  tell({ done: command.do });
});

server.listen(options.port, '127.0.0.1', () => {
  process.stdout.write(JSON.stringify({ port: server.address().port, run }) + '\n');
});
process.stdin.on('end', () => process.exit(0)); // whoever started us is gone
