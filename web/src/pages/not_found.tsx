import { Link } from '@tanstack/react-router';

export const NotFound = () => (
  <p className="py-8">
    There is no such page.{' '}
    <Link to="/" className="text-accent underline">
      To the overview
    </Link>
  </p>
);
