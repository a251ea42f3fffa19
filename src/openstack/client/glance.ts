// Glance's calls that a node needs: finding the image to boot from. Answers are checked here.
import { Type, type Static } from 'typebox';
import type { CallOptions } from './http.ts';
import { readAllPages } from './paging.ts';
import type { ServiceClient } from './service-client.ts';
import { readBodyAs } from './shape.ts';

const imageSchema = Type.Object({
  id: Type.String(),
  name: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  status: Type.String(),
});
const imagesSchema = Type.Object({ images: Type.Array(imageSchema), next: Type.Optional(Type.String()) });

export type GlanceImage = Static<typeof imageSchema>;

const IMAGES_PER_PAGE = 100;

export class Glance {
  readonly #service: ServiceClient;

  constructor(service: ServiceClient) {
    this.#service = service;
  }

  /** Active images of exactly this name that the project can see. Names are not unique. */
  async findImages(name: string, call: CallOptions = {}): Promise<readonly GlanceImage[]> {
    const images = await readAllPages('image GET /images', async (next) => {
      const query = next ?? new URLSearchParams({ name, status: 'active', limit: String(IMAGES_PER_PAGE) });
      const body = readBodyAs(imagesSchema, await this.#service.read('/images', query, call), 'images');
      return { items: body.images, next: body.next };
    });
    return images.filter((image) => image.name === name && image.status === 'active');
  }

  /** undefined: none that the project can see. Glance says 404 without a body that could tell whose 404 it is. */
  async getImage(id: string, call: CallOptions = {}): Promise<GlanceImage | undefined> {
    const answer = await this.#service.readOrAbsent(`/images/${encodeURIComponent(id)}`, () => true, call);
    return answer === undefined ? undefined : readBodyAs(imageSchema, answer, 'image');
  }
}
