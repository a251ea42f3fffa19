// The process of one workload: the request comes as its argument, the figures leave as one line of JSON.
import { InputError } from '../inputs/input-error.ts';
import { measureWorkload, type MeasureRequest } from './measure-workload.ts';

const [request = ''] = process.argv.slice(2);
try {
  process.stdout.write(`${JSON.stringify(measureWorkload(JSON.parse(request) as MeasureRequest))}\n`);
} catch (error) {
  if (!(error instanceof InputError)) throw error;
  process.stderr.write(`bench: ${error.message}\n`);
  process.exitCode = 2;
}
