import { AnimePhoto } from "./anime_photo";

export default function Page() {
  return <AnimePhoto />;
}
