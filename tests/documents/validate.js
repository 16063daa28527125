/*
 * Validates API documents with their projects' own tools.
 *
 * usage: node validate.js DOCUMENT...
 *
 * Prints a line for each document, or one for each fault with its place as a
 * JSON Pointer. Exit 1 when any document has a fault.
 */
import { readFile } from 'node:fs/promises';
import { Parser, fromFile } from '@asyncapi/parser';
import { Validator } from '@seriousme/openapi-schema-validator';

const SEVERITY_ERROR = 0;

async function asyncapiFaults(path) {
    const { diagnostics } = await fromFile(new Parser(), path).parse();
    return diagnostics
        .filter(({ severity }) => severity === SEVERITY_ERROR)
        .map(({ path: at, source, message }) => [pointerOf(at), messageIn(source, path, message)]);
}

async function openapiFaults(path) {
    const { valid, errors } = await new Validator().validate(path);
    if (valid)
        return [];
    return Array.isArray(errors)
        ? errors.map(({ instancePath, message, params }) => [instancePath,
            `${message} ${JSON.stringify(params)}`])
        : [['', errors]];
}

function pointerOf(names) {
    return names.map((name) => `/${String(name).replaceAll('~', '~0').replaceAll('/', '~1')}`)
        .join('');
}

/* A fault may lie in a file that the document refers to. */
function messageIn(source, path, message) {
    return source && !source.endsWith(path) ? `${message} (in ${source})` : message;
}

const tools = { asyncapi: asyncapiFaults, openapi: openapiFaults };

async function validate(path) {
    const document = JSON.parse(await readFile(path, 'utf8'));
    const kind = Object.keys(tools).find((name) => name in document);
    if (!kind)
        throw new Error('neither an AsyncAPI nor an OpenAPI document');
    return { name: `${kind} ${document[kind]}`, faults: await tools[kind](path) };
}

for (const path of process.argv.slice(2)) {
    try {
        const { name, faults } = await validate(path);
        for (const [pointer, message] of faults)
            console.log(`documents: ${path}: ${pointer || 'the document'}: ${message}`);
        console.log(`documents: ${path}: ${name}: ${faults.length === 0 ? 'valid' : 'not valid'}`);
        if (faults.length > 0)
            process.exitCode = 1;
    } catch (error) {
        console.log(`documents: ${path}: ${error.message}`);
        process.exitCode = 1;
    }
}
