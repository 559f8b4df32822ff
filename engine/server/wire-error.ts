import { ResponseError } from 'vscode-jsonrpc/node';
import type { z } from 'zod';
import type { ErrorCode } from '../error-code.ts';
import { errorCodes, firstIssue, type ErrorData, type Problem } from '../protocol.ts';

/** The JSON-RPC error of a problem. */
export function responseError(
  problem: Problem,
  code: number = problem.code === 'internal/error' ? errorCodes.internal : errorCodes.failed,
): ResponseError<ErrorData> {
  const { message, ...data } = problem;
  return new ResponseError(code, message, data);
}

/** The error of a request that does not keep to the protocol. */
export function misuse(code: ErrorCode, number: number, message: string): ResponseError<ErrorData> {
  const remedy = 'Use the same version of SAGE Studio on both sides.';
  return responseError({ code, message, remedy, place: {} }, number);
}

/** What is wrong with params, in one sentence. */
export function badParams(method: string, error: z.ZodError): ResponseError<ErrorData> {
  return misuse(
    'protocol/bad-params',
    errorCodes.invalidParams,
    `The params of ${method} are not valid: ${firstIssue(error)}.`,
  );
}
