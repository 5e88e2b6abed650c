/** A component with Vite and React. */

import { createRoot } from "react-dom/client";
import { AnimePhoto } from "./anime_photo.jsx";

createRoot(document.getElementById("root")).render(<AnimePhoto />);
