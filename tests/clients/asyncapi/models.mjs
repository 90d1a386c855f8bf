// node models.mjs FILE: makes types of an AsyncAPI document, and prints for each language the names of those it has.
import fs from 'node:fs';
import { CSharpGenerator, PythonGenerator, TypeScriptGenerator } from '@asyncapi/modelina';

const document = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
for (const [language, generator] of [
  ['typescript', new TypeScriptGenerator()],
  ['python', new PythonGenerator()],
  ['csharp', new CSharpGenerator()],
]) {
  const models = await generator.generate(structuredClone(document));
  // a language of classes has none for a list or a choice, such as the arguments of an ack
  const made = models.filter(({ result }) => result.trim());
  console.log(language, made.map(({ modelName }) => modelName).join(' '));
}
