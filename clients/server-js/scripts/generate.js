// Makes src/openapi.ts of docs/openapi.json; prints it with --print, for the test that compares them.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import openapiTS, { astToString } from 'openapi-typescript';

const root = fileURLToPath(new URL('..', import.meta.url));
const sources = process.env.CHATZZ_SOURCES ?? join(root, '../..');
const document = JSON.parse(readFileSync(join(sources, 'docs/openapi.json'), 'utf8'));
for (const path of Object.values(document.paths)) {
  for (const { responses } of Object.values(path)) {
    // Every call has the same problems: they are one class.
    for (const status of Object.keys(responses)) if (!status.startsWith('2')) delete responses[status];
  }
}
const types = await openapiTS(document, { defaultNonNullable: false, alphabetize: true });
const text = `// Made of docs/openapi.json by \`npm run generate\`: do not edit.\n\n${astToString(types)}`;
if (process.argv.includes('--print')) process.stdout.write(text);
else writeFileSync(join(root, 'src/openapi.ts'), text);
