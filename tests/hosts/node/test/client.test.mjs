// Tests of the HTTP client of `dapr-wasm:host`, both for a thread that waits and with promises.
// The servers are other processes, and count the connections.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import * as zlib from 'node:zlib';
import { asyncImports, imports, setIdleTimeout } from 'dapr-wasm';
import { certificate, full, made, nobody, selfSigned } from './servers.mjs';

const dispose = Symbol.dispose ?? Symbol.for('dispose');
const SECOND = 1_000_000_000n;

/** Replies with the request's method, path, fields and body. */
const ECHO = `require('http').createServer((request, response) => {
  const pieces = [];
  request.on('data', (piece) => pieces.push(piece)).on('end', () => {
    const { method, url, rawHeaders } = request;
    const body = Buffer.concat(pieces);
    response.setHeader('asked', Buffer.from(JSON.stringify({ method, url, rawHeaders })).toString('base64'));
    response.setHeader('content-length', body.length).end(body);
  });
})`;

/** Replies to each piece of a request with these pieces. @param {string[]} pieces */
const sends = (...pieces) => `require('net').createServer((socket) => socket.on('data', async () => {
  for (const piece of ${JSON.stringify(pieces)}) {
    socket.write(piece, 'latin1');
    await new Promise(setImmediate);
  }
}))`;

/** Replies like \`sends\`, and closes the connection. @param {string[]} pieces */
const ends = (...pieces) => sends(...pieces).replace(/}\)\)$/, '  socket.end();\n}))');

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}';

/** @param {string} endpoint @param {Record<string, unknown>} [changes] */
const request = (endpoint, changes) => ({
  method: 'POST',
  scheme: new URL(endpoint).protocol.slice(0, -1),
  authority: new URL(endpoint).host,
  pathWithQuery: '/',
  headers: [['x-amz-target', 'DynamoDB_20120810.GetItem']],
  body: { tag: 'text', val: '{}' },
  connectTimeout: 5n * SECOND,
  timeout: 10n * SECOND,
  ...changes,
});

/** @param {number} length @returns {Uint8Array} */
const patterned = (length) => new Uint8Array(Buffer.alloc(length, Uint8Array.from({ length: 251 }, (_, at) => at)));

/** @param {string[]} log @param {string} what */
const count = (log, what) => log.filter((line) => line === what).length;

/** Asserts that the request fails with this case. @param {() => unknown} send @param {string} tag @param {RegExp} [about] */
const fails = (send, tag, about = /./) =>
  assert.rejects(
    async () => await send(),
    (/** @type {any} */ failure) => {
      assert.equal(failure.tag, tag, JSON.stringify(failure));
      if ('val' in failure) assert.match(failure.val, about);
      return true;
    },
  );

for (const [kind, of] of /** @type {const} */ ([
  ['blocking', imports],
  ['async', asyncImports],
])) {
  const clientOf = (/** @type {string[]} */ ...allow) =>
    of({}, {}, allow.length > 0 ? { allow } : {})['dapr-wasm:host/http-client'];
  const client = clientOf();
  const text = (/** @type {any} */ response) => Buffer.from(response.body.val).toString();

  test(`${kind}: a request and its response arrive whole`, async (test) => {
    const { endpoint } = await made(test, ECHO);
    const headers = [
      ['a', '1'],
      ['b', 'grüße'],
      ['a', '2'],
    ];
    const whole = request(endpoint, { method: 'PUT', pathWithQuery: '/p%20q?r=s', headers, body: { tag: 'text', val: 'grüße 🦀' } });
    const response = await client.send(whole);
    assert.equal(response.status, 200);
    assert.equal(text(response), 'grüße 🦀');
    const [, asked] = response.headers.find((/** @type {string[]} */ [name]) => name === 'asked');
    assert.deepEqual(JSON.parse(Buffer.from(asked, 'base64').toString()), {
      method: 'PUT',
      url: '/p%20q?r=s',
      rawHeaders: ['host', new URL(endpoint).host, 'a', '1', 'b', 'grüße', 'a', '2', 'content-length', '12', 'Connection', 'keep-alive'],
    });
  });

  for (const length of [0, 1, 1024, 40 * 1024, 256 * 1024, 16 * 1024 * 1024]) {
    test(`${kind}: a body of ${length} bytes is returned`, async (test) => {
      const { endpoint } = await made(test, ECHO);
      for (const method of ['POST', 'GET']) {
        const response = await client.send(request(endpoint, { method, body: { tag: 'bytes', val: patterned(length) } }));
        assert.ok(Buffer.from(patterned(length)).equals(response.body.val));
        assert.equal(response.crc32, zlib.crc32(patterned(length)));
      }
    });
  }

  test(`${kind}: bodies of many lengths are returned`, async (test) => {
    const { endpoint } = await made(test, ECHO);
    // The lengths go around the memory between the threads several times, and beyond its room.
    for (let length = 1; length < 300_000; length = Math.ceil(length * 1.05) + 1) {
      const response = await client.send(request(endpoint, { body: { tag: 'bytes', val: patterned(length) } }));
      assert.ok(Buffer.from(patterned(length)).equals(response.body.val));
    }
  });

  test(`${kind}: consecutive requests share one connection`, async (test) => {
    const server = await made(test, ECHO);
    for (let call = 0; call < 50; call++) assert.equal((await client.send(request(server.endpoint))).status, 200);
    assert.equal(count(await server.stop(), 'connection'), 1);
  });

  for (const [name, answer] of [
    ['with `connection: close`', OK.replace('OK', 'OK\r\nconnection: close')],
    ['of HTTP/1.0', OK.replace('1.1', '1.0')],
    ['with a short `keep-alive`', OK.replace('OK', 'OK\r\nkeep-alive: timeout=1')],
    ['before another one', `${OK}${OK}`],
    ['before a part of another one', `${OK}HTTP`],
    ['without a body before a part of another one', `${OK.slice(0, -2).replace('2\r\n\r', '0\r\n\r')}HTTP`],
    ['in chunks before a part of another one', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nHTTP'],
  ]) {
    test(`${kind}: a response ${name} ends its connection`, async (test) => {
      const server = await made(test, sends(answer ?? ''));
      for (let call = 0; call < 2; call++) assert.equal((await client.send(request(server.endpoint))).status, 200);
      assert.equal(count(await server.stop(), 'connection'), 2);
    });
  }

  test(`${kind}: an idle connection with more bytes closes`, async (test) => {
    const later = `require('net').createServer((socket) => socket.once('data', () => {
      socket.write(${JSON.stringify(OK)});
      setTimeout(() => socket.write('HTTP'), 100);
    }))`;
    const server = await made(test, later);
    assert.equal((await client.send(request(server.endpoint))).status, 200);
    await server.says('closed');
  });

  test(`${kind}: a connection that the server closed is not used`, async (test) => {
    const server = await made(test, ends(OK));
    for (let call = 0; call < 2; call++) {
      assert.equal((await client.send(request(server.endpoint))).status, 200);
      await server.says('closed');
    }
    assert.equal(count(await server.stop(), 'connection'), 2);
  });

  test(`${kind}: an idle connection closes after the idle timeout`, async (test) => {
    setIdleTimeout(50);
    test.after(() => setIdleTimeout(20_000));
    const server = await made(test, sends(OK));
    await client.send(request(server.endpoint));
    await server.says('closed');
    await client.send(request(server.endpoint));
    assert.equal(count(await server.stop(), 'connection'), 2);
  });

  test(`${kind}: no connection is kept with an idle timeout of 0`, async (test) => {
    setIdleTimeout(0);
    test.after(() => setIdleTimeout(20_000));
    const server = await made(test, sends(OK));
    for (let call = 0; call < 3; call++) assert.equal((await client.send(request(server.endpoint))).status, 200);
    assert.equal(count(await server.stop(), 'connection'), 3);
  });

  test(`${kind}: a response before the end of the request is read`, async (test) => {
    const early = `require('net').createServer((socket) => socket.once('data', () => {
      socket.pause();
      socket.write(${JSON.stringify(OK)});
    }))`;
    const server = await made(test, early);
    for (let call = 0; call < 2; call++) {
      const body = { tag: 'bytes', val: patterned(8 * 1024 * 1024) };
      assert.equal((await client.send(request(server.endpoint, { body }))).status, 200);
    }
    assert.equal(count(await server.stop(), 'connection'), 2);
  });

  for (const [name, pieces, expected] of /** @type {const} */ ([
    ['in chunks', ['HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n', '4;a=b\r\nwiki\r\n', 'A\r\n0123456789\r\n', '0\r\n\r\n'], 'wiki0123456789'],
    ['with trailers', ['HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\nt: u\r\n', '\r\n'], 'a'],
    ['byte by byte', [...'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n'], 'abc'],
    ['after interim ones', ['HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\na: b\r\n\r\n', OK], '{}'],
    ['without content', ['HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\n'], ''],
  ])) {
    test(`${kind}: a response ${name} is read`, async (test) => {
      const server = await made(test, sends(...pieces));
      for (let call = 0; call < 2; call++) assert.equal(text(await client.send(request(server.endpoint))), expected);
      assert.equal(count(await server.stop(), 'connection'), 1);
    });
  }

  test(`${kind}: a response may last until the connection closes`, async (test) => {
    const { endpoint } = await made(test, ends('HTTP/1.1 200\r\n\r\n', 'until ', 'the end'));
    assert.equal(text(await client.send(request(endpoint))), 'until the end');
  });

  test(`${kind}: the response to HEAD has no body`, async (test) => {
    const server = await made(test, sends('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n'));
    const head = request(server.endpoint, { method: 'HEAD', body: { tag: 'bytes', val: new Uint8Array() } });
    for (let call = 0; call < 2; call++) assert.equal(text(await client.send(head)), '');
    assert.equal(count(await server.stop(), 'connection'), 1);
  });

  for (const [name, answer] of [
    ['is cut short', 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc'],
    ['is cut in a chunk', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabc'],
    ['is cut before its last chunk', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n'],
  ]) {
    test(`${kind}: a response that ${name} is lost`, async (test) => {
      const server = await made(test, ends(answer ?? ''));
      await fails(() => client.send(request(server.endpoint)), 'connection-lost');
      await server.says('closed'); // it is not kept
    });
  }

  for (const [name, answer] of [
    ['is not HTTP', 'SSH-2.0-OpenSSH_9.2\r\n\r\n'],
    ['has two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\na'],
    ['has a length that is no number', 'HTTP/1.1 200 OK\r\ncontent-length: +1\r\n\r\na'],
    ['has a length and chunks', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['has an unknown coding', 'HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n'],
    ['has an invalid chunk', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-1\r\na\r\n'],
    ['has a longer chunk than it says', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n'],
    ['has a folded field', 'HTTP/1.1 200 OK\r\na: b\r\n c\r\ncontent-length: 0\r\n\r\n'],
    ['has a space before a colon', 'HTTP/1.1 200 OK\r\ncontent-length : 0\r\n\r\n'],
    ['has a bare line feed', 'HTTP/1.1 200 OK\r\na: b\ncontent-length: 0\r\n\r\n'],
    ['has too long a head', `HTTP/1.1 200 OK\r\na: ${'b'.repeat(70_000)}`],
    ['is longer than the limit', `HTTP/1.1 200 OK\r\ncontent-length: ${128 * 1024 * 1024 + 1}\r\n\r\n`],
    ['switches protocols', 'HTTP/1.1 101 Switching Protocols\r\nupgrade: other\r\n\r\n'],
  ]) {
    test(`${kind}: a response that ${name} is damaged`, async (test) => {
      const server = await made(test, ends(answer ?? ''));
      await fails(() => client.send(request(server.endpoint)), 'damaged');
      await server.says('closed'); // it is not kept
    });
  }

  for (const [name, server] of [
    ['is lost', ends()],
    ['ends in its head', ends('HTTP/1.1 200 OK\r\ncontent-')],
    ['is reset', "require('net').createServer((socket) => socket.once('data', () => socket.resetAndDestroy()))"],
  ]) {
    test(`${kind}: a response that ${name} is connection-lost`, async (test) => {
      const { endpoint } = await made(test, server ?? '');
      await fails(() => client.send(request(endpoint)), 'connection-lost', /connection terminated/);
    });
  }

  test(`${kind}: the timeout ends a response that trickles`, async (test) => {
    const trickles = `require('net').createServer((socket) => socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\\r\\ncontent-length: 1000000\\r\\n\\r\\n');
      setInterval(() => socket.write('a'), 10);
    }))`;
    const server = await made(test, trickles);
    await fails(() => client.send(request(server.endpoint, { timeout: SECOND / 5n })), 'timeout');
    await server.says('closed');
  });

  test(`${kind}: a connection not accepted is connect-timeout`, async (test) => {
    const slow = request(await full(test), { connectTimeout: SECOND / 10n });
    await fails(() => client.send(slow), 'connect-timeout');
    await fails(() => client.send({ ...slow, connectTimeout: 5n * SECOND, timeout: SECOND / 10n }), 'connect-timeout');
  });

  test(`${kind}: the connect timeout includes the TLS handshake`, async (test) => {
    const silent = await made(test, "require('net').createServer((socket) => socket.resume())", 'https');
    await fails(() => client.send(request(silent.endpoint, { connectTimeout: SECOND / 5n })), 'connect-timeout');
    await silent.says('closed');
  });

  test(`${kind}: a refused connection is no-connection`, async () => {
    const endpoint = await nobody();
    await fails(() => client.send(request(endpoint)), 'no-connection', /^connection refused; check/);
    const name = endpoint.replace('127.0.0.1', 'localhost'); // which may have several addresses
    await fails(() => client.send(request(name)), 'no-connection', /^connection refused; check/);
  });

  test(`${kind}: a name that does not exist is name-not-resolved`, async () => {
    // A label has at most 63 bytes, so no name server is asked.
    const unknown = request('http://127.0.0.1', { authority: `${'x'.repeat(64)}.invalid` });
    await fails(() => client.send(unknown), 'name-not-resolved', /ENOTFOUND/);
  });

  test(`${kind}: an untrusted certificate gets no request`, async (test) => {
    const server = await selfSigned(test);
    await fails(() => client.send(request(server.endpoint)), 'certificate-not-trusted', /^tls certificate error: self/);
    const log = await server.stop();
    assert.deepEqual([count(log, 'connection'), count(log, 'request')], [1, 0]);
  });

  test(`${kind}: a server without TLS is tls-failed`, async (test) => {
    const { endpoint } = await made(test, sends(OK), 'https');
    await fails(() => client.send(request(endpoint)), 'tls-failed', /^wrong version number; check/);
  });

  test(`${kind}: a reset in the TLS handshake is no-connection`, async (test) => {
    const resets = "require('net').createServer((socket) => socket.once('data', () => socket.resetAndDestroy()))";
    const { endpoint } = await made(test, resets, 'https');
    await fails(() => client.send(request(endpoint)), 'no-connection', /destination unavailable/);
  });

  test(`${kind}: requests over TLS share a connection`, async (test) => {
    const pem = await certificate();
    const folder = await mkdtemp(join(tmpdir(), 'certificate-'));
    test.after(() => rm(folder, { recursive: true }));
    await writeFile(join(folder, 'pem'), pem);
    const server = await made(test, ECHO.replace("'http').createServer(", `'https').createServer(${JSON.stringify({ key: pem, cert: pem })}, `), 'https');
    const lengths = [3, 16 * 1024 * 1024, 3];
    const program = `import('dapr-wasm').then(async ({ ${of.name} }) => {
      const client = ${of.name}({})['dapr-wasm:host/http-client'];
      for (const length of ${JSON.stringify(lengths)}) {
        const body = { tag: 'bytes', val: new Uint8Array(length).fill(length) };
        const request = { method: 'POST', scheme: 'https', authority: '${new URL(server.endpoint).host}', pathWithQuery: '/',
          headers: [], body, connectTimeout: ${5n * SECOND}n, timeout: ${20n * SECOND}n };
        const { val } = (await client.send(request)).body;
        console.log(val.length, val.every((byte) => byte === length % 256));
      }
    })`;
    const env = { ...process.env, NODE_EXTRA_CA_CERTS: join(folder, 'pem') };
    const cwd = new URL('..', import.meta.url);
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', program], { env, cwd });
    assert.equal(stdout, lengths.map((length) => `${length} true\n`).join(''));
    assert.equal(count(await server.stop(), 'connection'), 1);
  });

  for (const [name, changes] of /** @type {[string, Record<string, unknown>][]} */ ([
    ['method', { method: 'GET /x' }],
    ['method CONNECT', { method: 'CONNECT' }],
    ['method in lower case', { method: 'post' }],
    ['long method', { method: 'X'.repeat(65) }],
    ['user name', { authority: 'user@127.0.0.1' }],
    ['path in the authority', { authority: '127.0.0.1/x' }],
    ['port', { authority: '127.0.0.1:65536' }],
    ['port with a sign', { authority: '127.0.0.1:+80' }],
    ['address', { authority: '127.0.0.256' }],
    ['long authority', { authority: `${'x.'.repeat(150)}x` }],
    ['relative path', { pathWithQuery: 'x' }],
    ['space in the path', { pathWithQuery: '/ HTTP/1.1' }],
    ['line end in the path', { pathWithQuery: '/\r\n' }],
    ['name of a field', { headers: [['a b', 'c']] }],
    ['empty name of a field', { headers: [['', 'c']] }],
    ['line end in a field', { headers: [['a', 'b\r\nc: d']] }],
    ['NUL in a field', { headers: [['a', '\0']] }],
    ['character in a field', { headers: [['a', '🦀']] }],
    .../** @type {[string, Record<string, unknown>][]} */ (
      ['Host', 'content-length', 'Transfer-Encoding', 'connection', 'keep-alive', 'proxy-authorization', 'te', 'trailer', 'upgrade', 'expect', 'http2-settings'].map(
        (name) => [`field ${name}`, { headers: [[name, 'x']] }],
      )
    ),
  ])) {
    test(`${kind}: invalid ${name} is refused`, async (test) => {
      const server = await made(test, sends(OK));
      const invalid = request(server.endpoint, changes);
      await fails(() => client.send(invalid), 'invalid-request');
      const { outcome } = await client.waitAny([client.start(invalid)], SECOND);
      assert.equal(outcome.val.tag, 'invalid-request');
      assert.equal(count(await server.stop(), 'connection'), 0);
    });
  }

  test(`${kind}: only an allowed address is reached`, async (test) => {
    const server = await made(test, ECHO);
    const { host, port } = new URL(server.endpoint);
    assert.equal((await clientOf(host).send(request(server.endpoint))).status, 200);
    for (const other of ['127.0.0.1:1', `127.0.0.2:${port}`, `localhost:${port}`, `*.0.0.1:${port}`.replace('*.0.0.1', '*')]) {
      await fails(() => clientOf(other).send(request(server.endpoint)), 'denied', RegExp(`^${host} is not in \`allow\`$`));
    }
    assert.equal(count(await server.stop(), 'connection'), 1);
  });

  test(`${kind}: a rule with * reaches no internal address`, async (test) => {
    const server = await made(test, ECHO, 'http', 'localhost');
    const { host, port } = new URL(server.endpoint);
    const exact = clientOf(`*:${port}`, host);
    assert.equal((await exact.send(request(server.endpoint))).status, 200);
    // It must not use the connection of the other either.
    await fails(() => clientOf(`*:${port}`).send(request(server.endpoint)), 'denied', /^localhost resolves to internal/);
    assert.equal(count(await server.stop(), 'connection'), 1);
  });

  test(`${kind}: requests are under way at the same time`, async (test) => {
    const together = `(() => {
      const waiting = [];
      return require('http').createServer((request, response) => {
        request.resume();
        waiting.push(response.setHeader('content-length', 1));
        if (waiting.length === 40) for (const one of waiting) one.end('x');
      });
    })()`;
    const server = await made(test, together);
    const pending = Array.from({ length: 40 }, () => client.start(request(server.endpoint)));
    const seen = new Set();
    while (seen.size < 40) {
      const { index, outcome } = await client.waitAny(pending, 10n * SECOND);
      assert.equal(outcome.tag, 'ok');
      assert.ok(!seen.has(index));
      seen.add(index);
    }
    assert.equal(await client.waitAny(pending, 0n), undefined); // each outcome is taken once
    assert.equal(count(await server.stop(), 'connection'), 40);
  });

  test(`${kind}: requests beyond the limit wait for a connection`, async (test) => {
    const first = `(() => {
      let asked = 0;
      const waiting = [];
      return require('http').createServer((request, response) => {
        request.resume();
        waiting.push(response.setHeader('content-length', 1));
        if (++asked >= 512) for (const one of waiting.splice(0)) one.end('x');
        if (asked === 520) console.error('all asked');
      });
    })()`;
    const server = await made(test, first);
    const patient = request(server.endpoint, { connectTimeout: 50n * SECOND, timeout: 50n * SECOND });
    const pending = Array.from({ length: 520 }, () => client.start(patient));
    for (const _ of pending) assert.equal((await client.waitAny(pending, 50n * SECOND)).outcome.tag, 'ok');
    await server.says('all asked'); // the lines before it have arrived, too
    assert.equal(count(await server.stop(), 'connection'), 512);
  });

  test(`${kind}: a dropped request closes its connection`, async (test) => {
    const server = await made(test, "require('net').createServer((socket) => socket.once('data', () => console.error('request')))");
    const pending = client.start(request(server.endpoint));
    await server.says('request');
    pending[dispose]();
    await server.says('closed');
    assert.equal(await client.waitAny([pending], 0n), undefined);
  });

  test(`${kind}: an empty list waits for the timeout`, async () => {
    const begin = performance.now();
    assert.equal(await client.waitAny([], SECOND / 20n), undefined);
    assert.ok(performance.now() - begin >= 49);
  });

  test(`${kind}: waiting ends before a request that takes longer`, async (test) => {
    const { endpoint } = await made(test, "require('net').createServer((socket) => socket.resume())");
    const pending = client.start(request(endpoint));
    assert.equal(await client.waitAny([pending], SECOND / 20n), undefined);
    pending[dispose]();
  });
}

for (const [rule, allowed, refused] of /** @type {const} */ ([
  ['dynamodb.*.amazonaws.com:443', ['https://dynamodb.eu-west-1.amazonaws.com'], ['https://dynamodb.a.b.amazonaws.com', 'https://dynamodb..amazonaws.com']],
  ['*.example:80', ['http://A.example', 'http://a_b.example:80'], ['http://example', 'https://a.example', 'http://a.example.', 'http://a.example:81']],
  ['A.example:443', ['https://a.EXAMPLE'], ['https://b.example', 'http://a.example']],
  ['*:80', ['http://localhost'], ['http://127.0.0.1', 'http://a.example', 'http://[::1]', 'http://2130706433']],
  ['127.0.0.1:80', ['http://127.0.0.1', 'http://127.1'], ['http://localhost', 'http://127.0.0.2']],
  ['[::1]:80', ['http://[::1]', 'http://[0:0::1]:80'], ['http://127.0.0.1', 'http://[::2]']],
])) {
  test(`the rule ${rule} allows exactly its addresses`, async () => {
    const { allowing, originOf } = await import(`${new URL('../node_modules/dapr-wasm/host/request.mjs', import.meta.url)}`);
    const allows = (/** @type {string} */ url) => {
      const [scheme, authority] = url.split('://');
      return allowing([rule])(originOf({ scheme, authority })) !== undefined;
    };
    assert.deepEqual(allowed.map(allows), allowed.map(() => true));
    const outcomes = refused.map((url) => {
      try {
        return allows(url);
      } catch (failure) {
        return /** @type {any} */ (failure).tag === 'invalid-request' ? false : failure;
      }
    });
    assert.deepEqual(outcomes, refused.map(() => false));
  });
}

// The addresses of the tests of dapr-wasm-host.
test('internal addresses are told from those of the internet', async () => {
  const { isInternal, lookupExternal } = await import(`${new URL('../node_modules/dapr-wasm/host/internal.mjs', import.meta.url)}`);
  const internal = `0.0.0.0 10.1.2.3 100.100.100.200 127.0.0.1 127.255.255.254 168.63.129.16
    169.254.169.254 169.254.170.2 172.16.0.1 172.31.255.255 192.0.0.8 192.168.1.1
    198.18.0.1 224.0.0.1 240.0.0.1 255.255.255.255
    :: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:0:10.0.0.1
    64:ff9b::a9fe:a9fe 64:ff9b:1::1 100::1 2001:0:7f00:1::1 2001:db8::1 2002:7f00:1::1
    fc00::1 fd00:ec2::254 fe80::1 fe80::1%eth0 fec0::1 ff02::1`.split(/\s+/);
  const external = `1.1.1.1 9.255.255.255 11.0.0.1 52.94.8.10 100.63.255.255 100.128.0.1 169.253.1.1
    172.15.255.255 172.32.0.1 192.0.0.9 192.169.0.1 223.255.255.255
    ::ffff:1.1.1.1 64:ff9b::101:101 2002:101:101::1 2600:1f18::1 2a05:d018::1`.split(/\s+/);
  assert.deepEqual(internal.filter((address) => !isInternal(address)), []);
  assert.deepEqual(external.filter(isInternal), []);
  for (const [options, found] of /** @type {const} */ ([
    [{ all: true }, [[{ address: '1.1.1.1', family: 4 }]]],
    [{}, ['1.1.1.1', 4]],
  ])) {
    const given = await new Promise((resolve) => lookupExternal('1.1.1.1', options, (/** @type {unknown[]} */ ...of) => resolve(of)));
    assert.deepEqual(given, [null, ...found]);
  }
});

test('an invalid rule is an error that names it', () => {
  for (const rule of ['a.example', 'a.*x.example:80', '127.0.0.*:80', 'a.example:080', 'http://a.example:80', '::1:80', '*.256:80']) {
    assert.throws(() => imports({}, {}, { allow: [rule] }), (/** @type {Error} */ error) => error.message.includes(JSON.stringify(rule)), rule);
  }
  for (const options of [['127.0.0.1:1'], { Allow: [] }, { allow: '127.0.0.1:1' }, { allow: [5] }, { allow: null }]) {
    assert.throws(() => imports({}, {}, /** @type {any} */ (options)), TypeError); // a slip must not allow every address
  }
  assert.throws(() => imports({}, {}, { allow: ['me:secret@a.example:80'] }), /^TypeError: `allow`: "…@a.example:80"/);
});

test('async: a request dropped at once is not sent', async (test) => {
  const client = asyncImports({})['dapr-wasm:host/http-client'];
  const server = await made(test, sends(OK).replace('async () => {', "async (data) => { console.error('' + data);"));
  client.start(request(server.endpoint, { pathWithQuery: '/dropped' }))[dispose]();
  assert.equal((await client.send(request(server.endpoint))).status, 200);
  assert.ok(!(await server.stop()).some((line) => line.includes('/dropped')));
});

test('a request fails if its thread ends, and the next succeeds', async (test) => {
  const { sender } = await import(`${new URL('../node_modules/dapr-wasm/host/blocking.mjs', import.meta.url)}`);
  const server = await made(test, ECHO);
  const client = imports({})['dapr-wasm:host/http-client'];
  const silent = await made(test, "require('net').createServer((socket) => socket.resume())");
  const warned = once(process, 'warning');
  const pending = client.start(request(silent.endpoint));
  sender().worker.postMessage({ numbers: [] }); // an invalid message
  const { outcome } = client.waitAny([pending], 10n * SECOND);
  assert.deepEqual(outcome.val, { tag: 'connection-lost', val: 'the thread that sends requests has ended' });
  assert.equal(client.send(request(server.endpoint)).status, 200);
  assert.match((await warned)[0].message, /^the thread that sends requests failed: TypeError/);
  await sender().worker.terminate();
  assert.equal(client.send(request(server.endpoint)).status, 200);
});

test('a connection closed meanwhile is not used', async (test) => {
  // The server is a thread, so that this thread can wait for it without turning its event loop.
  const closed = new Int32Array(new SharedArrayBuffer(4));
  const program = `const { parentPort, workerData: closed } = require('worker_threads');
    let last, connections = 0;
    const server = require('net').createServer((socket) => {
      last = socket.on('error', () => {}).on('data', () => socket.write(${JSON.stringify(OK)}));
      parentPort.postMessage(++connections);
    }).listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
    parentPort.on('message', () => last.end(() => {
      Atomics.store(closed, 0, 1);
      Atomics.notify(closed, 0);
    }));`;
  const server = new Worker(program, { eval: true, workerData: closed });
  test.after(() => server.terminate());
  const [port] = await once(server, 'message');
  const client = asyncImports({})['dapr-wasm:host/http-client'];
  const asked = request(`http://127.0.0.1:${port}`);
  const opened = once(server, 'message');
  assert.equal((await client.send(asked)).status, 200);
  await opened;
  const again = once(server, 'message');
  server.postMessage('close');
  Atomics.wait(closed, 0, 0);
  assert.equal((await client.send(asked)).status, 200);
  assert.deepEqual(await again, [2]);
});

test('a connection idle during a suspension is not used', async (test) => {
  setIdleTimeout(50);
  test.after(() => setIdleTimeout(20_000));
  const server = await made(test, sends(OK));
  const client = asyncImports({})['dapr-wasm:host/http-client'];
  await client.send(request(server.endpoint));
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100); // the event loop stops
  await client.send(request(server.endpoint));
  assert.equal(count(await server.stop(), 'connection'), 2);
});

test('digest returns SHA-256 as four big-endian numbers', () => {
  const { sha256 } = imports({})['dapr-wasm:host/digest'];
  // The examples of FIPS 180-4.
  for (const [val, expected] of /** @type {const} */ ([
    ['', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
    ['abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
    ['grüße', '8285d1ad84c6b6e475d3b50dbf90389c8c7a07a278d9ae46d5698cbe872e3834'],
  ])) {
    for (const data of [{ tag: 'text', val }, { tag: 'bytes', val: new TextEncoder().encode(val) }]) {
      const hex = sha256(data).map((/** @type {bigint} */ word) => word.toString(16).padStart(16, '0')).join('');
      assert.equal(hex, expected);
    }
  }
});
