import { SageError } from '../errors.ts';

/** What was being done when Python or pip failed. */
export interface Attempt {
  /** Folder of the virtual environment. */
  folder: string;
  /** e.g. `3.11.7`. */
  version: string;
  /** All that the program said. */
  output: string;
}

const code = 'python/environment';

/** Why `python -m venv` failed. */
export function venvFault({ folder, version, output }: Attempt): SageError {
  const disk = diskFault(folder, output);
  if (disk) return disk;
  if (/ensurepip|No module named '?venv/.test(output)) {
    const minor = version.split('.').slice(0, 2).join('.');
    return new SageError(
      'python/no-venv',
      `Python ${version} is here without venv, which makes virtual environments.`,
      process.platform === 'linux'
        ? `Install it: \`sudo apt install python${minor}-venv\` on Debian and Ubuntu. Then run the same command again.`
        : 'Install Python from python.org, or name one that has venv with --python.',
    );
  }
  return new SageError(
    code,
    `The virtual environment ${folder} could not be made: ${lastWords(output)}`,
    `Delete ${folder} if there is nothing of yours in it, or choose another with --folder.`,
    { place: { file: folder } },
  );
}

/** Why pip failed. */
export function pipFault({ folder, version, output }: Attempt): SageError {
  const disk = diskFault(folder, output);
  if (disk) return disk;
  const missing = /No matching distribution found for (\S+)/.exec(output)?.[1];
  const wire =
    /(?:name resolution|Name or service not known|nodename nor servname|getaddrinfo failed)|(Connection refused|Network is unreachable|No route to host)|(timed out|ReadTimeout|ConnectTimeout)|(CERTIFICATE_VERIFY_FAILED|SSLError)|(ProxyError|Tunnel connection failed)/.exec(
      output,
    );
  if (wire) {
    const [, refused, late, certificate, proxy] = wire;
    const reason = certificate
      ? 'its certificate was not accepted'
      : proxy
        ? 'the proxy refused'
        : refused
          ? refused.toLowerCase()
          : late
            ? 'it did not answer in time'
            : 'its name could not be resolved';
    return new SageError(
      'python/no-network',
      `The package index could not be reached: ${reason}.`,
      certificate
        ? 'Name the certificates of your network in PIP_CERT, then run the same command again.'
        : 'Check the network, and the proxy in HTTPS_PROXY, then run the same command again: it goes on where it was.',
    );
  }
  if (missing) {
    return new SageError(
      'python/no-package',
      `No ${missing} was found for Python ${version} on ${process.platform}-${process.arch}.`,
      'Name a Python from 3.11 to 3.13 with --python; behind a mirror, see that it has this version (PIP_INDEX_URL).',
    );
  }
  return new SageError(code, `pip failed: ${lastWords(output)}`, 'Mend what it says and run the same command again.', {
    place: { file: folder },
  });
}

/** A disk that is full, or closed to us, in what Python or pip said. */
function diskFault(folder: string, output: string): SageError | null {
  const place = { place: { file: folder } };
  if (/No space left on device|Errno 28|Disk quota exceeded|Errno 122/i.test(output)) {
    return new SageError(
      'disk/full',
      `The disk is full: the packages did not fit (${folder}, and the temporary folder that they are unpacked in).`,
      'Free some space, or choose another disk with --folder (and TMPDIR), then run the same command again.',
      place,
    );
  }
  if (/Permission denied|Errno 13|Read-only file system|Errno 30|EROFS|EACCES/i.test(output)) {
    return new SageError(
      'file/no-permission',
      `${folder} cannot be written to: ${lastWords(output)}`,
      'Choose a folder of yours with --folder.',
      place,
    );
  }
  return null;
}

/** The last thing said that tells something. */
export function lastWords(output: string): string {
  const lines = output
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^(WARNING|\[notice\])/.test(line));
  return (lines.findLast((line) => /error/i.test(line)) ?? lines.at(-1) ?? 'it said nothing').slice(0, 400);
}
