// Ask c2pa-ts about each file named: one JSON line a file. It runs from where the package is installed.
import * as fs from 'node:fs/promises';
import { JPEG, PNG } from '@trustnxt/c2pa-ts/asset';
import { SuperBox } from '@trustnxt/c2pa-ts/jumbf';
import { ManifestStore } from '@trustnxt/c2pa-ts/manifest';

for (const path of process.argv.slice(2)) {
    const answer = { path, valid: false, codes: [] };
    try {
        const bytes = await fs.readFile(path);
        const asset = JPEG.canRead(bytes) ? new JPEG(bytes) : new PNG(bytes);
        const store = ManifestStore.read(SuperBox.fromBuffer(await asset.getManifestJUMBF()));
        const result = await store.validate(asset);
        answer.valid = result.isValid;
        answer.codes = result.statusEntries.filter((entry) => !entry.success).map((entry) => entry.code);
    } catch (error) {
        answer.codes = [String(error.message ?? error)];
    }
    console.log(JSON.stringify(answer));
}
