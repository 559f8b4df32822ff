/** Tells elements when they come into view and leave it. One observer serves all of them. */

type Heard = (visible: boolean) => void;
const heard = new WeakMap<Element, Heard>();
let observer: IntersectionObserver | null = null;

/** Calls `listen` with whether the element can be seen, first soon after and then whenever that changes. */
export function watchVisible(element: Element, listen: Heard): () => void {
  observer ??= new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) heard.get(target)?.(isIntersecting);
  });
  const own = observer;
  heard.set(element, listen);
  own.observe(element);
  return () => {
    heard.delete(element);
    own.unobserve(element);
  };
}
