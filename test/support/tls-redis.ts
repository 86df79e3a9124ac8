import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { freePort } from '../../dev/free-port.js';
import { startRedis, type PrivateServer } from '../../dev/index.js';

const run = promisify(execFile);

/** A Redis that speaks TLS on one port and plain text on another, with a certificate of its own CA. */
export interface TlsRedis {
  readonly plain: PrivateServer;
  readonly tlsPort: number;
  /** The certificate of the CA (PEM). */
  readonly ca: string;
  stop(): Promise<void>;
}

/** The certificate is for `localhost` and 127.0.0.1. */
export async function startTlsRedis(config: Record<string, string> = {}): Promise<TlsRedis> {
  const folder = await mkdtemp(join(tmpdir(), 'nest-session-ledger-tls-'));
  const [key, certificate, ca] = await createCertificates(folder);
  const tlsPort = await freePort();
  const plain = await startRedis({
    config: {
      'tls-port': String(tlsPort),
      'tls-cert-file': certificate,
      'tls-key-file': key,
      'tls-ca-cert-file': ca,
      'tls-auth-clients': 'no',
      ...config,
    },
  });
  const stop = async () => {
    await plain.stop();
    await rm(folder, { recursive: true });
  };
  return { plain, tlsPort, ca: await readFile(ca, 'utf8'), stop };
}

async function createCertificates(folder: string): Promise<[string, string, string]> {
  const file = (name: string) => join(folder, name);
  const [caKey, ca, key, request, certificate] = [
    'ca.key',
    'ca.crt',
    'redis.key',
    'redis.csr',
    'redis.crt',
  ].map(file) as [string, string, string, string, string];
  const openssl = (...args: string[]) => run('openssl', args);
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const names = file('names');
  await writeFile(names, 'subjectAltName=DNS:localhost,IP:127.0.0.1');
  await openssl('req', '-x509', ...newKey, '-keyout', caKey, '-out', ca, '-subj', '/CN=Test CA');
  await openssl('req', ...newKey, '-keyout', key, '-out', request, '-subj', '/CN=localhost');
  const sign = ['x509', '-req', '-in', request, '-CA', ca, '-CAkey', caKey, '-CAcreateserial'];
  await openssl(...sign, '-extfile', names, '-out', certificate);
  return [key, certificate, ca];
}
